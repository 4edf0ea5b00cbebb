"""What all pages share: navigation, notes, lists and jobs under way."""
