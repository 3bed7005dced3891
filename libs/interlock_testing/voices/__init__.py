"""The client APIs of the simulated provider, each in its vendor's documented form; bytes, no sockets.

Rule: a voice says what an answer of its API is, and nothing of what goes wrong when: that is `answers`, and
is the same for all. One table of byte templates was dropped: a Responses event counts, a Messages block has
an index, and the SDKs check both.

What a behaviour is on each path (count_tokens as messages, embeddings as chat, both never streamed):

| behaviour           | chat, completions         | responses                    | messages                |
|---------------------|---------------------------|------------------------------|-------------------------|
| fail                | `error`: message, type,   | as chat                      | type error, `error`:    |
|                     | param, code               |                              | message, type by        |
|                     |                           |                              | status; request_id      |
| error, whole        | `error`: message, type,   | a response: status failed,   | as fail, type by `code` |
|                     | code                      | `error`: code, message       |                         |
| error, streamed     | the same, a data event    | response.failed, [DONE];     | the same, an event      |
|                     |                           | `flat_error`: an event error | error                   |
| malformed, streamed | a content event whose JSON breaks off; then the stream goes on                      |
| no_sentinel         | no [DONE]                 | no [DONE], as at OpenAI      | no message_stop         |
| at preamble         | after the role delta;     | after content_part.added of  | after the first         |
|                     | completions: the head     | the first item               | content_block_start and |
|                     |                           |                              | a ping                  |
| at content          | after `after` pieces: thoughts, words, fragments of tool arguments, in this order   |
| `chunks` words      | content; each choice text | output_text in a message     | a text block            |
| `thinking` pieces   | reasoning_content; -      | a summary, in a reasoning    | a thinking block with a |
|                     |                           | item                         | signature               |
| `tool_calls`        | tool_calls; -             | function_call items          | tool_use blocks         |

The same on all: reset, html, empty, no_stream; cut and stall at headers; cut, stall and malformed of a whole
answer come in the middle of its body. A call opens with its first piece, for it names its tool: where it is
the first part, the preamble ends before it.
"""
