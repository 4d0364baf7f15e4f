"""What the models see, what they learn, and how they are kept and asked."""
