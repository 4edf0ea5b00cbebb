"""Upgrades, backups and checks of a store."""
