"""Knowledge of the client APIs: bytes in, values out.

It owns what an API's bodies mean: what a request needs, when a stream has begun, what a refusal says.
Nothing here waits, reads a clock or touches a socket, so the gateway decides when and this package
decides what. Read in this order: `chat` (the request), `sse` and `chat_stream` (a streamed answer),
`unary` (a whole one), `classify` with `codes` (a failed one), `errors` and `models` (our own words).
"""
