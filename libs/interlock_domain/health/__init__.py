"""What outcomes taught us: failure classes, the trip rule, cooldowns and the way back; pure rules over small values."""
