"""What risk keeps an eye on, between the facts that it hears."""
