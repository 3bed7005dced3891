"""Knowledge of the client APIs: bytes in, values out.

It owns what an API's bodies mean: what a request needs, when a stream has begun, what a refusal says.
Nothing here waits, reads a clock or touches a socket, so the gateway decides when and this package
decides what.

`surfaces` is the index: one value for each API (`surface`), made of a folder of its own (`chat`,
`completions`, `responses`, `messages`, `embeddings`). What they share: `requests` and `answers`,
`streams` and `choices`, `continuing` after a break, `splice` for changes that leave every other byte,
`tools` for schemas. `failures` says what a failed answer means; `errors` and `models` are our own words.
"""
