"""Parameters that many programs have, with values that are usually worth trying. Data, and a search over it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """A parameter as it is usually searched."""

    name: str
    text: str
    """The values, as they are typed."""
    help: str
    aliases: tuple[str, ...] = ()
    """Other names of the same thing, normalised as `_normal` does."""

    def is_named(self, name: str) -> bool:
        """Return whether a name stands for this parameter."""
        return _rank(self, _normal(name)) == 0


PRESETS = (
    Preset(
        "learning_rate", "1e-5..1e-1 log", "step size of the optimizer", ("lr", "eta0", "alpha0", "learningrateinit")
    ),
    Preset("batch_size", "16, 32, 64, 128", "examples per step", ("bs", "batch", "trainbatchsize")),
    Preset("epochs", "5, 10, 20", "passes over the data", ("numepochs", "nepochs", "maxepochs", "numtrainepochs")),
    Preset("dropout", "0.0..0.5", "share of units left out", ("dropoutrate", "pdrop", "dropoutp")),
    Preset("weight_decay", "1e-6..1e-1 log", "pull of weights towards 0", ("wd", "l2", "decay")),
    Preset("optimizer", "adam, adamw, sgd", "how weights are updated", ("opt", "optim", "solver")),
    Preset("momentum", "0.8..0.99", "how much of the last step is kept", ("beta1",)),
    Preset("warmup_steps", "0, 100, 500, 1000", "steps with a rising learning rate", ("warmup", "numwarmupsteps")),
    Preset("warmup_ratio", "0.0..0.2", "share of steps with a rising learning rate", ("warmupproportion",)),
    Preset("scheduler", "constant, linear, cosine", "how the learning rate falls", ("lrscheduler", "lrschedulertype")),
    Preset("gradient_clip", "0.1..10.0 log", "largest gradient norm", ("clip", "maxgradnorm", "gradclip", "clipnorm")),
    Preset("accumulation", "1, 2, 4, 8", "batches per update", ("accumulatesteps", "gradientaccumulationsteps")),
    Preset("label_smoothing", "0.0..0.2", "share of certainty taken from labels", ("smoothing",)),
    Preset(
        "hidden_size", "64, 128, 256, 512", "width of a layer", ("hidden", "hiddendim", "width", "nunits", "dmodel")
    ),
    Preset("num_layers", "1..6", "depth of a network", ("layers", "nlayers", "depth", "numhiddenlayers")),
    Preset("num_heads", "2, 4, 8, 16", "attention heads", ("heads", "nheads")),
    Preset("activation", "relu, gelu, tanh", "what a unit does with its sum", ("act", "actfn", "nonlinearity")),
    Preset("kernel_size", "3, 5, 7", "width of a convolution", ("ksize",)),
    Preset("embedding_size", "32, 64, 128, 256", "width of an embedding", ("embeddingdim", "embdim", "embedding")),
    Preset("temperature", "0.1..2.0", "how flat a softmax is", ("temp", "tau")),
    Preset("seed", "1, 2, 3, 4, 5", "repeats with other random numbers", ("randomstate", "randomseed")),
    Preset("max_depth", "2..12", "depth of a tree", ("treedepth",)),
    Preset("n_estimators", "50, 100, 200, 400", "trees of an ensemble", ("numtrees", "ntrees", "nrounds", "trees")),
    Preset("min_samples_leaf", "1, 2, 5, 10", "fewest examples in a leaf", ("minleaf", "mindatainleaf")),
    Preset("min_samples_split", "2, 5, 10", "fewest examples that are split", ()),
    Preset("max_features", "sqrt, log2, None", "features looked at for a split", ()),
    Preset("max_leaf_nodes", "8..256 x2", "leaves of a tree", ("numleaves", "maxleaves")),
    Preset("criterion", "gini, entropy", "what makes a split good", ()),
    Preset("min_child_weight", "1..10", "least weight of a leaf (boosting)", ()),
    Preset("subsample", "0.5..1.0", "share of rows per tree", ("baggingfraction", "rowsample")),
    Preset("colsample_bytree", "0.5..1.0", "share of columns per tree", ("featurefraction", "colsample")),
    Preset("reg_alpha", "1e-8..10.0 log", "L1 penalty (boosting)", ("lambdal1", "l1")),
    Preset("reg_lambda", "1e-8..10.0 log", "L2 penalty (boosting)", ("lambdal2", "lambda")),
    Preset("C", "1e-3..1e3 log", "inverse of the penalty (SVM, logistic regression)", ()),
    Preset("kernel", "rbf, linear, poly", "kernel of an SVM", ()),
    Preset("gamma", "1e-4..1e1 log", "reach of one example (SVM), least gain of a split (boosting)", ()),
    Preset("alpha", "1e-6..1e1 log", "strength of a penalty", ()),
    Preset("l1_ratio", "0.0..1.0", "share of L1 in an elastic net", ()),
    Preset("penalty", "l1, l2", "kind of penalty", ()),
    Preset("n_neighbors", "1..30", "neighbours that vote", ("k", "neighbors")),
    Preset("n_clusters", "2..12", "clusters looked for", ("clusters",)),
    Preset("n_components", "2, 5, 10, 20", "dimensions that are kept", ("components",)),
    Preset("lora_rank", "4, 8, 16, 32", "rank of a LoRA adapter", ("r", "lorar", "rank")),
    Preset("lora_alpha", "8, 16, 32", "scale of a LoRA adapter", ()),
    Preset("discount", "0.9..0.999", "weight of later rewards", ("discountfactor",)),
    Preset("entropy_coef", "1e-4..1e-1 log", "reward for exploring", ("entcoef",)),
)


def matching_presets(query: str, limit: int = 8) -> list[Preset]:
    """Return the presets that a name or a few letters mean, the likeliest first; the first ones for an empty query."""
    wanted = _normal(query)
    if not wanted:
        return list(PRESETS[:limit])
    ranked = [(rank, index) for index, preset in enumerate(PRESETS) if (rank := _rank(preset, wanted)) is not None]
    return [PRESETS[index] for _, index in sorted(ranked)[:limit]]


def preset_named(name: str) -> Preset | None:
    """Return the preset that a name stands for exactly; None if there is none."""
    wanted = _normal(name)
    return next((preset for preset in PRESETS if preset.is_named(name)), None) if wanted else None


def _rank(preset: Preset, wanted: str) -> int | None:
    """Return how well a preset fits, 0 being its very name; None if it does not."""
    names = (_normal(preset.name), *preset.aliases)
    if wanted in names:
        return 0
    if any(name.startswith(wanted) for name in names):
        return 1
    if any(wanted in name for name in names):
        return 2
    words = _normal(preset.help)
    return 3 if len(wanted) > 2 and wanted in words else None


def _normal(name: str) -> str:
    """Return a name without groups, signs and capitals: `optimizer/Learning-Rate` is `learningrate`."""
    return "".join(sign for sign in name.rpartition("/")[2].lower() if sign.isalnum())
