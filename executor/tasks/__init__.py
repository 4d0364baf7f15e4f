"""What the executor does by itself: comparing, and for venues behind a network everything else.

Each task is one thread with one duty, and all they share is the database, the board and the lease:
`leading` holds the lease, `sending` claims and sends, `looking` asks what became of orders,
`canceling` cancels, `syncing` compares account and books, `adopting` takes in what the books lack,
`protecting` keeps the brackets, `timing` reads clock and rules, `hearing` listens for hints.
`comparing` serves the venue in our own process.
"""
