"""What risk does when it hears of fills, marks and recommendations."""
