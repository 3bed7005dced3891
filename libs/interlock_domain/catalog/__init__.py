"""What operators declared: providers, targets, pools, policy and keys, and the commands that change them."""
