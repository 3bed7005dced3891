"""One module per resource of the admin API; each makes a router from what the control plane stands on."""
