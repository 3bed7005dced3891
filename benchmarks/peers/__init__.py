"""Other gateways beside ours: installed from package registries, asked by the same load, in one run."""
