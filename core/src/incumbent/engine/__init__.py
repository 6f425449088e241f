"""What keeps an election going: facts come in at the runner, the machine decides, candidacy and dispatch tell."""
