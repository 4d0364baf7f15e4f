"""What the recommender does when it hears of the account, of signals and of target weights."""
