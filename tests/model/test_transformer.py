"""The transformer's blocks compute what torch's own blocks compute with the same weights."""

import pytest
import torch
from torch import nn

from poetlab.model.presets import ModelSettings
from poetlab.model.transformer import Attention, DecoderLayer, EncoderLayer, Transformer

CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def copy_attention(source: Attention, target: nn.MultiheadAttention) -> None:
    """Torch keeps the weights of queries, keys and values in one matrix."""
    inputs = (source.query, source.key, source.value)
    with torch.no_grad():
        target.in_proj_weight.copy_(torch.cat([layer.weight for layer in inputs]))
        target.in_proj_bias.copy_(torch.cat([layer.bias for layer in inputs]))
    target.out_proj.load_state_dict(source.output.state_dict())


def copy_rest(
    source: EncoderLayer | DecoderLayer, target: nn.TransformerEncoderLayer | nn.TransformerDecoderLayer
) -> None:
    """Feed-forward block and norms."""
    target.linear1.load_state_dict(source.feedforward[0].state_dict())
    target.linear2.load_state_dict(source.feedforward[3].state_dict())
    for name in ("norm1", "norm2", "norm3"):
        if hasattr(source, name):
            getattr(target, name).load_state_dict(getattr(source, name).state_dict())


def disturb(module: nn.Module) -> None:
    """Give norms and biases values that differ from one another, so that a mix-up shows."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))


@pytest.fixture
def settings(tiny_settings: ModelSettings) -> ModelSettings:
    torch.manual_seed(0)
    return tiny_settings


@pytest.fixture
def valid() -> torch.Tensor:
    valid = torch.ones(2, 7, dtype=torch.bool)
    valid[1, 4:] = False
    return valid


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_torchs_multi_head_attention(
    settings: ModelSettings, valid: torch.Tensor, masked: bool, training: bool
) -> None:
    attention = Attention(settings.n_features, settings.n_heads, dropout=0.0).train(training)
    reference = nn.MultiheadAttention(settings.n_features, settings.n_heads, batch_first=True)
    disturb(attention)
    copy_attention(attention, reference)
    query, key, value = torch.randn(2, 5, 16), torch.randn(2, 7, 16), torch.randn(2, 7, 16)
    expected, _ = reference(query, key, value, key_padding_mask=~valid if masked else None)
    torch.testing.assert_close(attention(query, key, value, valid if masked else None), expected, **CLOSE)


@pytest.mark.parametrize("training", [False, True])
def test_attention_to_nothing_is_attention_to_all(settings: ModelSettings, training: bool) -> None:
    attention = Attention(settings.n_features, settings.n_heads, dropout=0.0).train(training)
    query, key = torch.randn(2, 5, 16), torch.randn(2, 7, 16)
    none = torch.zeros(2, 7, dtype=torch.bool)
    torch.testing.assert_close(attention(query, key, key, none), attention(query, key, key, ~none), **CLOSE)


def test_an_encoder_layer_is_torchs(settings: ModelSettings, valid: torch.Tensor) -> None:
    layer = EncoderLayer(settings).eval()
    reference = nn.TransformerEncoderLayer(16, 4, settings.n_feedforward, batch_first=True)
    disturb(layer)
    copy_attention(layer.self_attention, reference.self_attn)
    copy_rest(layer, reference)
    reference.train()
    for module in reference.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    reference.self_attn.dropout = 0.0
    features = torch.randn(2, 7, 16)
    expected = reference(features, src_key_padding_mask=~valid)
    found = layer(features, torch.zeros(1, 7, 16), valid)
    torch.testing.assert_close(found[valid], expected[valid], **CLOSE)


def test_a_decoder_layer_is_torchs(settings: ModelSettings, valid: torch.Tensor) -> None:
    layer = DecoderLayer(settings).eval()
    reference = nn.TransformerDecoderLayer(16, 4, settings.n_feedforward, batch_first=True).eval()
    disturb(layer)
    copy_attention(layer.self_attention, reference.self_attn)
    copy_attention(layer.cross_attention, reference.multihead_attn)
    copy_rest(layer, reference)
    x, features = torch.randn(2, 5, 16), torch.randn(2, 7, 16)
    expected = reference(x, features, memory_key_padding_mask=~valid)
    found = layer(x, torch.zeros(2, 5, 16), features, features, valid)
    torch.testing.assert_close(found, expected, **CLOSE)


def test_positions_reach_queries_and_keys_but_not_values(settings: ModelSettings) -> None:
    layer = EncoderLayer(settings).eval()
    features, position = torch.randn(1, 7, 16), torch.randn(1, 7, 16)
    attended = layer.self_attention(features + position, features + position, features)
    x = layer.norm1(features + attended)
    torch.testing.assert_close(layer(features, position, None), layer.norm2(x + layer.feedforward(x)), **CLOSE)


def test_a_decoder_layer_looks_for_placed_features_and_takes_the_features(settings: ModelSettings) -> None:
    layer = DecoderLayer(settings).eval()
    x, query_position = torch.randn(1, 5, 16), torch.randn(1, 5, 16)
    features, placed = torch.randn(1, 7, 16), torch.randn(1, 7, 16)
    y = layer.norm1(x + layer.self_attention(x + query_position, x + query_position, x))
    y = layer.norm2(y + layer.cross_attention(y + query_position, placed, features))
    expected = layer.norm3(y + layer.feedforward(y))
    torch.testing.assert_close(layer(x, query_position, features, placed, None), expected, **CLOSE)


def test_every_decoder_layer_looks_for_the_encoded_features_at_their_positions(settings: ModelSettings) -> None:
    transformer = Transformer(settings).eval()
    features, position, queries = torch.randn(2, 6, 16), torch.randn(1, 6, 16), torch.randn(4, 16)
    encoded = transformer.encoder[0](features, position, None)
    x, expected = torch.zeros(2, 4, 16), []
    for layer in transformer.decoder:
        x = layer(x, queries.expand(2, -1, -1), encoded, encoded + position, None)
        expected.append(transformer.norm(x))
    torch.testing.assert_close(transformer(features, position, queries), torch.stack(expected), **CLOSE)


def test_padded_features_change_nothing(settings: ModelSettings) -> None:
    transformer = Transformer(settings).eval()
    features, position, queries = torch.randn(2, 6, 16), torch.randn(2, 6, 16), torch.randn(4, 16)
    valid = torch.tensor([[True] * 6 + [False] * 3]).expand(2, -1)
    padded = torch.cat([features, 1e3 * torch.randn(2, 3, 16)], dim=1)
    padded_position = torch.cat([position, torch.randn(2, 3, 16)], dim=1)
    expected = transformer(features, position, queries)
    torch.testing.assert_close(transformer(padded, padded_position, queries, valid), expected, **CLOSE)


def test_no_padding_is_the_same_as_a_mask_of_none(settings: ModelSettings) -> None:
    transformer = Transformer(settings).eval()
    features, position, queries = torch.randn(2, 6, 16), torch.randn(1, 6, 16), torch.randn(4, 16)
    everything = torch.ones(2, 6, dtype=torch.bool)
    expected = transformer(features, position, queries)
    torch.testing.assert_close(transformer(features, position, queries, everything), expected, **CLOSE)


def test_every_decoder_layer_gives_embeddings(settings: ModelSettings) -> None:
    transformer = Transformer(settings).eval()
    inputs = torch.randn(2, 6, 16), torch.randn(1, 6, 16), torch.randn(4, 16)
    embeddings = transformer(*inputs)
    assert embeddings.shape == (2, 2, 4, 16)
    del transformer.decoder[1]
    torch.testing.assert_close(transformer(*inputs)[0], embeddings[0], **CLOSE)
    assert not torch.allclose(embeddings[0], embeddings[1])


def test_dropout_acts_in_training_only(settings: ModelSettings) -> None:
    transformer = Transformer(settings.model_copy(update={"dropout": 0.5}))
    inputs = torch.randn(2, 6, 16), torch.randn(1, 6, 16), torch.randn(4, 16)
    assert not torch.allclose(transformer(*inputs), transformer(*inputs))
    transformer.eval()
    torch.testing.assert_close(transformer(*inputs), transformer(*inputs), atol=0, rtol=0)


def test_weights_start_in_the_range_of_xavier(settings: ModelSettings) -> None:
    wide = settings.model_copy(update={"n_features": 64, "n_feedforward": 128})
    layer = Transformer(wide).encoder[0]
    # queries, keys and values are one (3 * 64, 64) matrix in the published code
    for part, fan_sum in [
        (layer.self_attention.query, 64 + 3 * 64),
        (layer.self_attention.key, 64 + 3 * 64),
        (layer.self_attention.value, 64 + 3 * 64),
        (layer.self_attention.output, 64 + 64),
        (layer.feedforward[0], 64 + 128),
    ]:
        bound = (6 / fan_sum) ** 0.5
        assert 0.95 * bound < part.weight.abs().max().item() <= bound
