"""What outcomes teach: failure classes, the trip rule, cooldowns and the way back; pure rules over values."""
