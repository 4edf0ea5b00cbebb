"""What VectorLab computes beside what the authors' public code computes: docs/agreement.md."""
