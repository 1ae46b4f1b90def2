"""PyTorch, or numpy (with scipy's and plain C's GAE), one thread. The first argument says which."""
import ctypes, json, math, os, subprocess, sys, tempfile, time
import numpy as np

which = sys.argv[1]
if which == "torch":
    import torch, torch.nn as nn, torch.nn.functional as F
    from torch.distributions import Categorical, Normal
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))


def tensor(k, length, scale=1.0):
    i = np.arange(length, dtype=np.int64)
    return (scale * ((i * i * (k + 1) + 31 * i + 7 * k) % 10007 / 5003 - 1)).astype(np.float32)


def some(x):
    x = np.asarray(x).reshape(-1)
    return [float(x[int(share * (len(x) - 1))]) for share in (0, 0.123, 0.5, 0.877, 1)]


def column(k, *shape):
    return torch.from_numpy(tensor(k, math.prod(shape)).reshape(shape))


def mlp(k, sizes):
    layers = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        linear = nn.Linear(a, b)
        linear.weight.data = torch.from_numpy(tensor(k + 2 * i, a * b, 1.7 / math.sqrt(a)).reshape(b, a))
        linear.bias.data = torch.from_numpy(tensor(k + 2 * i + 1, b, 0.1))
        layers += [linear, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def update(sizes):
    obs, hidden, actions, batch = (sizes[s] for s in ("observation", "hidden", "actions", "batch"))
    continuous = sizes["continuous"] == 1
    actor, critic = mlp(0, [obs, hidden, hidden, actions]), mlp(6, [obs, hidden, hidden, 1])
    parameters = [*actor.parameters(), *critic.parameters()]
    if continuous:
        log_std = nn.Parameter(torch.from_numpy(tensor(12, actions, 0.1)))
        parameters.append(log_std)
    adam = torch.optim.Adam(parameters, lr=2.5e-4, eps=1e-5)
    x, raw, old_value, target = column(20, batch, obs), column(22, batch), column(23, batch), column(24, batch)
    action = column(21, batch, actions) if continuous else torch.arange(batch) % actions
    old = torch.full((batch,), -1.4 * actions if continuous else -math.log(2))

    def step():
        head = actor(x)
        if continuous:
            policy = Normal(head, log_std.expand_as(head).exp())
            log_prob, entropy = policy.log_prob(action).sum(1), policy.entropy().sum(1)
        else:
            policy = Categorical(logits=head)
            log_prob, entropy = policy.log_prob(action), policy.entropy()
        value = critic(x).view(-1)
        ratio = (log_prob - old).exp()
        advantage = (raw - raw.mean()) / (raw.std() + 1e-8)
        policy_loss = torch.max(-advantage * ratio, -advantage * torch.clamp(ratio, 0.8, 1.2)).mean()
        held = old_value + torch.clamp(value - old_value, -0.2, 0.2)
        value_loss = 0.5 * torch.max((value - target) ** 2, (held - target) ** 2).mean()
        loss = policy_loss - 0.01 * entropy.mean() + 0.5 * value_loss
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 0.5)
        adam.step()
        return loss

    return step, lambda: [float(step()) for _ in range(5)]


def act(_):
    actor, x = mlp(0, [4, 64, 64, 2]), column(20, 1, 4)

    @torch.no_grad()
    def step():
        policy = Categorical(logits=actor(x))
        action = policy.sample()
        return action, policy.log_prob(action)

    return step, lambda: torch.log_softmax(actor(x), 1)[0].tolist()


def gemm(sizes):
    n = sizes["n"]
    if which == "torch":
        a, b, y = column(30, n, n), column(31, n, n), torch.empty(n, n)
        step = lambda: torch.mm(a, b, out=y)
    else:
        a, b = (tensor(k, n * n).reshape(n, n) for k in (30, 31))
        y = np.empty((n, n), np.float32)
        step = lambda: np.matmul(a, b, out=y)
    return step, lambda: some(step())


def conv(sizes):
    images, channels, side, filters = (sizes[s] for s in ("images", "channels", "side", "filters"))
    x = column(60, images, channels, side, side)
    weight, bias = nn.Parameter(column(61, filters, channels, 3, 3) * 0.3), nn.Parameter(column(62, filters) * 0.1)
    head = column(63, filters * (side - 2) ** 2)

    def step():
        weight.grad = bias.grad = None
        (F.conv2d(x, weight, bias).flatten(1) @ head).sum().backward()
        return weight.grad

    return step, lambda: some(step())


def rows(_, op):
    n = 1000
    if which == "torch":
        x = column(40, n, n) * 3
        y, w, b = torch.empty_like(x), torch.ones(n), torch.zeros(n)
        ops = {
            "add": lambda: torch.add(x, x, out=y),
            "tanh": lambda: torch.tanh(x, out=y),
            "exp": lambda: torch.exp(x, out=y),
            "softmax": lambda: torch.softmax(x, 1),
            "layerNorm": lambda: F.layer_norm(x, (n,), w, b),
        }
        step = torch.no_grad()(ops[op])
    else:
        x = tensor(40, n * n, 3).reshape(n, n)
        y = np.empty_like(x)

        def softmax():
            e = np.exp(x - x.max(1, keepdims=True))
            return e / e.sum(1, keepdims=True)

        def layer_norm():
            d = x - x.mean(1, keepdims=True)
            return d / np.sqrt((d * d).mean(1, keepdims=True) + 1e-5)

        ops = {"add": lambda: np.add(x, x, out=y), "tanh": lambda: np.tanh(x, out=y), "exp": lambda: np.exp(x, out=y)}
        step = {**ops, "softmax": softmax, "layerNorm": layer_norm}[op]
    return step, lambda: some(step())


C = r"""
void gae(float *A, const float *r, const float *v, const float *n, const float *term, const float *trunc,
         int steps, int envs, float gamma, float lambda) {
  for (int e = 0; e < envs; e++) A[(steps - 1) * envs + e] = 0;
  for (int i = steps * envs - 1; i >= 0; i--) {
    float goes = term[i] == 0, open = goes * (trunc[i] == 0);
    float next = i + envs < steps * envs ? A[i + envs] : 0;
    A[i] = r[i] + gamma * goes * n[i] - v[i] + gamma * lambda * open * next;
  }
}
void many(int count, float *A, const float *r, const float *v, const float *n, const float *term,
          const float *trunc, int steps, int envs, float gamma, float lambda) {
  while (count-- > 0) gae(A, r, v, n, term, trunc, steps, envs, gamma, lambda);
}
"""


def gae(sizes):
    steps, envs = sizes["steps"], sizes["envs"]
    reward, value, next_value = (tensor(k, steps * envs).reshape(steps, envs) for k in (50, 51, 52))
    terminated, truncated = ((np.arange(steps * envs) % m == 0).astype(np.float32).reshape(steps, envs) for m in (97, 89))
    out = np.zeros((steps, envs), np.float32)
    if which == "c":
        folder = tempfile.mkdtemp()
        source, library = os.path.join(folder, "gae.c"), os.path.join(folder, "gae.so")
        with open(source, "w") as f:
            f.write(C)
        subprocess.run(["gcc", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC", source, "-o", library], check=True)
        many = ctypes.CDLL(library).many
        pointers = [x.ctypes.data_as(ctypes.c_void_p) for x in (out, reward, value, next_value, terminated, truncated)]
        repeat = 20  # hides what a call from Python costs

        def step(count=repeat):
            many(count, *pointers, steps, envs, ctypes.c_float(0.99), ctypes.c_float(0.95))

        step.repeat = repeat
        return step, lambda: (step(1), some(out))[1]
    if which == "torch":
        out, reward, value, next_value, terminated, truncated = (
            torch.from_numpy(x) for x in (out, reward, value, next_value, terminated, truncated))

    def step():  # row by row, as CleanRL has it
        last = 0
        for t in reversed(range(steps)):
            delta = reward[t] + 0.99 * next_value[t] * (1 - terminated[t]) - value[t]
            open_ = (1 - terminated[t]) * (1 - truncated[t])
            out[t] = last = delta + 0.99 * 0.95 * open_ * last

    return step, lambda: (step(), some(out))[1]


if which == "torch":

    class Gpt(nn.Module):
        heads = 4

        def __init__(self, vocab, width, layers, context):
            super().__init__()
            self.wte, self.wpe = nn.Embedding(vocab, width), nn.Embedding(context, width)
            self.blocks = nn.ModuleList(
                nn.ModuleDict({
                    "ln1": nn.LayerNorm(width), "qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width),
                    "ln2": nn.LayerNorm(width), "up": nn.Linear(width, 4 * width), "down": nn.Linear(4 * width, width),
                }) for _ in range(layers))
            self.lnf = nn.LayerNorm(width)
            self.register_buffer("mask", torch.tril(torch.ones(context, context)).bool())
            matrices = [self.wte.weight, self.wpe.weight]
            numbers = [0, 1]
            for i, block in enumerate(self.blocks):
                for name, at in ("qkv", 2), ("proj", 4), ("up", 8), ("down", 10):
                    block[name].bias.data.zero_()
                    matrices.append(block[name].weight)
                    numbers.append(2 + 12 * i + at)
            for w, k in zip(matrices, numbers):
                w.data = torch.from_numpy(tensor(k, w.numel(), 0.05).reshape(w.shape))

        def forward(self, x, cache=None, position=0):
            B, T = x.shape
            h = self.wte(x) + self.wpe.weight[position : position + T]
            C = h.shape[-1]
            for i, block in enumerate(self.blocks):
                q, k, v = block["qkv"](block["ln1"](h)).split(C, 2)
                q, k, v = (z.view(B, T, self.heads, C // self.heads).transpose(1, 2) for z in (q, k, v))
                if cache is not None:
                    if cache[i] is not None:
                        k, v = torch.cat([cache[i][0], k], 2), torch.cat([cache[i][1], v], 2)
                    cache[i] = (k, v)
                scores = q @ k.transpose(-2, -1) / math.sqrt(C // self.heads)
                if T > 1:
                    scores = scores.masked_fill(~self.mask[:T, :T], float("-inf"))
                y = (F.softmax(scores, -1) @ v).transpose(1, 2).reshape(B, T, C)
                h = h + block["proj"](y)
                h = h + block["down"](F.gelu(block["up"](block["ln2"](h)), approximate="tanh"))
            return self.lnf(h) @ self.wte.weight.T


def gpt(sizes):
    return Gpt(sizes["vocab"], sizes["width"], sizes["layers"], sizes["context"])


def train(sizes):
    model, vocab, shape = gpt(sizes), sizes["vocab"], (sizes["batch"], sizes["context"])
    i = torch.arange(math.prod(shape))
    x, y = ((7 * i * i + 3 * i) % vocab).view(shape), (5 * i * i + 11 * i + 1) % vocab
    adam = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.1)

    def step():
        loss = F.cross_entropy(model(x).view(-1, vocab), y)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss

    return step, lambda: [float(step()) for _ in range(5)]


def generate(sizes):
    model, T, vocab = gpt(sizes), sizes["context"], sizes["vocab"]

    def text(following):
        token, cache = torch.zeros(1, 1, dtype=torch.long), [None] * sizes["layers"]
        with torch.no_grad():
            for t in range(1, T):
                logits = model(token, cache, t - 1)[:, -1]
                token = following(t, logits)
        return logits

    given = [torch.tensor([[(7 * i * i + 3 * i) % vocab]]) for i in range(T)]
    step = lambda: text(lambda t, logits: torch.multinomial(F.softmax(logits, -1), 1))
    return step, lambda: some(text(lambda t, logits: given[t]))


def published(folder):
    """Returns the config and the bfloat16 weights, as float32, of a folder that published.ts wrote."""
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    with open(os.path.join(folder, "model.safetensors"), "rb") as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
        data = np.frombuffer(f.read(), np.uint16)
    floats = lambda start, end: (data[start // 2 : end // 2].astype(np.uint32) << 16).view(np.float32)
    return config, {
        name: torch.from_numpy(floats(*entry["data_offsets"]).reshape(entry["shape"])) for name, entry in header.items()}


class Llama:
    """The forward pass of Llama's form with frozen weights, and adapters of rank 8 on queries and values where asked."""

    def __init__(self, folder, adapted=False):
        c, self.weights = published(folder)
        self.width, self.layers, self.vocab = c["hidden_size"], c["num_hidden_layers"], c["vocab_size"]
        self.heads, self.groups = c["num_attention_heads"], c["num_attention_heads"] // c["num_key_value_heads"]
        self.head = self.width // self.heads
        angle = torch.outer(torch.arange(256.0), 10000 ** (-torch.arange(0, self.head, 2) / self.head))
        self.cos, self.sin = (f(torch.cat([angle, angle], 1)) for f in (torch.cos, torch.sin))
        self.adapters = {}
        for i in range(2 * self.layers if adapted else 0):
            name = f"model.layers.{i // 2}.self_attn.{'qv'[i % 2]}_proj"
            outputs, inputs = self.weights[name + ".weight"].shape
            self.adapters[name] = [nn.Parameter(torch.from_numpy(tensor(2 * i + j, math.prod(shape), 0.05).reshape(shape)))
                                   for j, shape in enumerate([(8, inputs), (outputs, 8)])]

    def linear(self, name, x):
        y = F.linear(x, self.weights[name + ".weight"])
        if name in self.adapters:
            a, b = self.adapters[name]
            y = y + 2 * F.linear(F.linear(x, a), b)
        return y

    def norm(self, name, x):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6) * self.weights[name + ".weight"]

    def rotated(self, x, position):
        cos, sin = (f[position : position + x.shape[2]] for f in (self.cos, self.sin))
        a, b = x.chunk(2, -1)
        return x * cos + torch.cat([-b, a], -1) * sin

    def hidden(self, x, cache=None, position=0):
        B, T = x.shape
        h = self.weights["model.embed_tokens.weight"][x]
        mask = torch.ones(T, T).tril().bool()
        for i in range(self.layers):
            at = f"model.layers.{i}."
            n = self.norm(at + "input_layernorm", h)
            q, k, v = (self.linear(f"{at}self_attn.{z}_proj", n).view(B, T, -1, self.head).transpose(1, 2) for z in "qkv")
            q, k = self.rotated(q, position), self.rotated(k, position)
            if cache is not None:
                if cache[i] is not None:
                    k, v = torch.cat([cache[i][0], k], 2), torch.cat([cache[i][1], v], 2)
                cache[i] = (k, v)
            k, v = (z.repeat_interleave(self.groups, 1) for z in (k, v))
            scores = q @ k.transpose(-2, -1) / math.sqrt(self.head)
            if T > 1:
                scores = scores.masked_fill(~mask, float("-inf"))
            y = (F.softmax(scores, -1) @ v).transpose(1, 2).reshape(B, T, -1)
            h = h + self.linear(at + "self_attn.o_proj", y)
            n = self.norm(at + "post_attention_layernorm", h)
            h = h + self.linear(at + "mlp.down_proj", F.silu(self.linear(at + "mlp.gate_proj", n)) * self.linear(at + "mlp.up_proj", n))
        return self.norm("model.norm", h)

    def logits(self, h):
        return h @ self.weights["model.embed_tokens.weight"].T

    def given(self, sizes):
        i = torch.arange(sizes["texts"] * sizes["tokens"])
        return ((7 * i * i + 3 * i) % self.vocab).view(sizes["texts"], -1), (5 * i * i + 11 * i + 1) % self.vocab


def read(sizes, folder):
    model, at_once = Llama(folder), sizes["atOnce"]
    x, _ = model.given(sizes)

    @torch.no_grad()
    def step():
        cache = [None] * model.layers
        for t in range(0, sizes["tokens"], at_once):
            logits = model.logits(model.hidden(x[:, t : t + at_once], cache, t)[:, -1])
        return logits

    return step, lambda: some(step())


def lora(sizes, folder):
    model = Llama(folder, adapted=True)
    x, y = model.given(sizes)
    adam = torch.optim.AdamW([z for pair in model.adapters.values() for z in pair], lr=3e-4, weight_decay=0.1)

    def step():
        loss = F.cross_entropy(model.logits(model.hidden(x)).view(-1, model.vocab), y)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss

    return step, lambda: [float(step()) for _ in range(5)]


def timed(step, milliseconds):
    repeat = getattr(step, "repeat", 1)

    def sample(count):
        start = time.perf_counter()
        for _ in range(count):
            step()
        return (time.perf_counter() - start) / count

    each, warm_end = sample(1), time.perf_counter() + milliseconds / 2000
    while time.perf_counter() < warm_end:
        each = sample(math.ceil(0.001 / each))
    count, samples, end = max(1, math.ceil(0.002 / each)), [], time.perf_counter() + milliseconds / 1000
    while time.perf_counter() < end or len(samples) < 3:
        samples.append(sample(count))
    return sorted(samples)[len(samples) >> 2] * 1e6 / repeat


kinds = {
    "torch": {"update": update, "act": act, "gemm": gemm, "conv": conv, "rows": rows, "gae": gae, "train": train, "generate": generate,
              "read": read, "lora": lora},
    "numpy": {"gemm": gemm, "rows": rows, "gae": gae},
    "c": {"gae": gae},
}[which]
current, made = None, None
for line in sys.stdin:
    question = json.loads(line)
    work = question["work"]
    answer = None
    try:
        if work["name"] != current:
            current, made = work["name"], None
            if work["kind"] in kinds:
                extra = work.get("model", work.get("op"))
                made = kinds[work["kind"]](work["sizes"], *([] if extra is None else [extra]))
        if made is not None:
            answer = made[1]() if question["ask"] == "check" else timed(made[0], question["milliseconds"])
    except Exception as error:
        print(f"{work['name']}: {error!r}", file=sys.stderr, flush=True)
    print("@@" + json.dumps(answer), flush=True)
