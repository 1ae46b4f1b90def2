"""The same supervised learning in PyTorch: reads a case of sft-check.ts, prints its losses as JSON."""

import json
import sys

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
case = json.load(open(sys.argv[1]))
heads, layers, width = case["heads"], case["layers"], case["width"]
w = {
    name: torch.tensor(t["data"], dtype=torch.float32).reshape(t["shape"]).requires_grad_()
    for name, t in case["weights"].items()
}


def norm(x, name):
    return F.layer_norm(x, (width,), w[f"{name}.weight"], w[f"{name}.bias"])


def line(x, name):
    return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def gelu(x):
    return 0.5 * x * (1 + torch.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))


def logits(tokens):
    n, steps = tokens.shape
    x = w["wte.weight"][tokens] + w["wpe.weight"][:steps]
    causal = torch.ones(steps, steps).tril() == 0
    for layer in range(layers):
        h = f"h.{layer}"
        q, k, v = line(norm(x, f"{h}.ln1"), f"{h}.attn.qkv").split(width, dim=2)
        q, k, v = (t.view(n, steps, heads, -1).transpose(1, 2) for t in (q, k, v))
        scores = (q @ k.transpose(2, 3) / (width // heads) ** 0.5).masked_fill(causal, -torch.inf)
        y = (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, steps, width)
        x = x + line(y, f"{h}.attn.proj")
        x = x + line(gelu(line(norm(x, f"{h}.ln2"), f"{h}.mlp.fc")), f"{h}.mlp.proj")
    return norm(x, "lnf") @ w["wte.weight"].T


def loss(texts):
    longest = max(len(t["tokens"]) for t in texts)
    tokens = torch.zeros(len(texts), longest, dtype=torch.long)
    labels = torch.full((len(texts), longest), -1)
    for i, t in enumerate(texts):
        ids = torch.tensor(t["tokens"])
        tokens[i, : len(ids)] = ids
        first = max(1, t["promptLength"])
        labels[i, first - 1 : len(ids) - 1] = ids[first:]
    made = logits(tokens)
    return F.cross_entropy(made.flatten(0, 1), labels.flatten(), ignore_index=-1)


adam = torch.optim.AdamW(w.values(), lr=case["learningRate"], weight_decay=0.01)
losses = []
for batch in case["batches"]:
    adam.zero_grad()
    step = loss(batch)
    step.backward()
    torch.nn.utils.clip_grad_norm_(w.values(), 1.0)
    adam.step()
    losses.append(step.item())
with torch.no_grad():
    print(json.dumps({"losses": losses, "validation": loss(case["heldOut"]).item()}))
