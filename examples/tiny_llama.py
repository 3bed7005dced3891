"""Writes a llama model of half a megabyte with random weights: real input for llama.cpp, without a download.

It says nothing, at once and always the same for the same prompt: enough to try a gateway in front of real
llama.cpp servers. Needs the `gguf` package.

    pip install gguf "llama-cpp-python[server]"
    python examples/tiny_llama.py tiny.gguf
    python -m llama_cpp.server --model tiny.gguf --chat_format chatml --port 9001
"""

import sys

import gguf
import numpy as np

WIDTH, HEADS, LAYERS, INNER, CONTEXT = 64, 4, 2, 160, 2048
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def vocabulary() -> list[tuple[str, float, gguf.TokenType]]:
    """What llama.cpp's own tokenizer needs: unknown, begin, end, all 256 bytes; and letters to speak in."""
    special = [("<unk>", 0.0, gguf.TokenType.UNKNOWN)]
    special += [(name, 0.0, gguf.TokenType.CONTROL) for name in ("<s>", "</s>")]
    single = [(f"<0x{byte:02X}>", 0.0, gguf.TokenType.BYTE) for byte in range(256)]
    spoken = [*LETTERS, *(f"\u2581{letter}" for letter in LETTERS), "\u2581"]
    return special + single + [(each, -float(n), gguf.TokenType.NORMAL) for n, each in enumerate(spoken)]


def write(path: str, seed: int = 1) -> None:
    """Write the file; the same seed gives the same weights."""
    draw = np.random.default_rng(seed)
    tokens = vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer, tokens)

    def put(name: str, *shape: int) -> None:
        writer.add_tensor(name, draw.normal(0, shape[-1] ** -0.5, shape).astype(np.float32))

    put("token_embd.weight", len(tokens), WIDTH)
    output = draw.normal(0, 1, (len(tokens), WIDTH)).astype(np.float32)
    output[[kind is not gguf.TokenType.NORMAL for _, _, kind in tokens]] = (
        0.0  # letters only, and never the end
    )
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            put(f"blk.{layer}.{name}.weight", WIDTH, WIDTH)
        put(f"blk.{layer}.ffn_gate.weight", INNER, WIDTH)
        put(f"blk.{layer}.ffn_up.weight", INNER, WIDTH)
        put(f"blk.{layer}.ffn_down.weight", WIDTH, INNER)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter, tokens: list[tuple[str, float, gguf.TokenType]]) -> None:
    writer.add_name("tiny random llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _, _ in tokens])
    writer.add_token_scores([score for _, score, _ in tokens])
    writer.add_token_types([kind for _, _, kind in tokens])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else "tiny.gguf")
