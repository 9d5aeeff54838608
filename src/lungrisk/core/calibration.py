"""A calibration: the map from a stated likelihood to one that holds for the patients it was fitted on. Fitted in `evaluation`."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.kinds import conform

Method: TypeAlias = Literal["platt", "isotonic", "beta", "temperature", "prior"]
METHODS: tuple[Method, ...] = get_args(Method)
Floats: TypeAlias = NDArray[np.float64]

LEAST = 1e-6  # likelihoods are kept this far from 0 and 1, where log odds end
Z = 1.959964  # of a 95 % interval

# the parameters of each method in their order; isotonic has knots instead
NAMES: dict[Method, tuple[str, ...]] = {
    "platt": ("intercept", "slope"),
    "beta": ("intercept", "of_log_p", "of_log_not_p"),
    "temperature": ("slope",),
    "prior": ("shift",),
    "isotonic": (),
}
SHAPE: dict[str, object] = {
    "method": frozenset(METHODS),
    "parameters": (dict, list),
    "covariance": [[float]],
    "prevalence": float,
    "n": int,
    "n_positive": int,
    "span?": (None, [float]),
}
KNOT = ("p", "value", "low", "high")  # a knot of an isotonic map; straight lines between


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A fitted map of likelihoods, 0..1 to 0..1.

    With l = ln(p / (1 - p)), the new log odds are
    platt: intercept + slope * l. temperature: slope * l (slope = 1 / temperature). prior: l + shift.
    beta: intercept + of_log_p * ln(p) - of_log_not_p * ln(1 - p).
    isotonic: parameters are knots p, value, low, high, p, value, ...: a staircase with its own interval.
    covariance: of the parameters; empty for isotonic and for a shift that was given, not fitted.
    prevalence: share of cancer where the map holds. n, n_positive: patients that it was fitted on (0: none).
    span: lowest and highest likelihood that it was fitted on (None: not known). Beyond them the new log odds move no faster than the
    old ones, and the interval reaches to where the curve would have gone.

    >>> half = Calibration(method="temperature", parameters=(0.5,), prevalence=0.3)
    >>> half.apply(np.array([0.9]))[0].round(6).tolist()
    [0.75]
    """

    method: Method
    parameters: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...] = ()
    prevalence: float
    n: int = 0
    n_positive: int = 0
    span: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        wanted = len(NAMES[self.method])
        if self.method == "isotonic":
            whole = len(self.parameters) >= len(KNOT) and len(self.parameters) % len(KNOT) == 0
        else:
            whole = len(self.parameters) == wanted
        square = not self.covariance or {len(row) for row in self.covariance} == {wanted} == {len(self.covariance)}
        if not whole or not square:
            raise ValueError(f"{self.method} takes {NAMES[self.method] or KNOT}, got {len(self.parameters)} parameters")
        if self.span is not None and not (len(self.span) == 2 and 0 <= self.span[0] <= self.span[1] <= 1):
            raise ValueError("a span that is no range of likelihoods")
        if self.method == "isotonic" and (np.diff(np.array(self.parameters).reshape(-1, len(KNOT)), axis=0) < 0).any():
            raise ValueError("knots that fall")

    def apply(
        self, p: Floats, low: Floats | None = None, high: Floats | None = None, *, prevalence: float | None = None
    ) -> tuple[Floats, Floats, Floats]:
        """Calibrated value, low and high, (n,) each, of likelihoods p, (n,) in 0..1.

        low, high: the 95 % interval of p itself; the calibration's own error is added to it as an independent one, on the
        scale of log odds. prevalence: of the place where the result shall hold, when it is not the map's: a shift of the log odds.
        """
        shift = 0.0 if prevalence is None else float(log_odds(prevalence) - log_odds(self.prevalence))
        centre, error_low, error_high = self._map(p)
        from_low = 0.0 if low is None else centre - self._map(np.minimum(low, p))[0]
        from_high = 0.0 if high is None else self._map(np.maximum(high, p))[0] - centre
        return (
            chance_of(centre + shift),
            chance_of(centre + shift - np.hypot(error_low, from_low)),
            chance_of(centre + shift + np.hypot(error_high, from_high)),
        )

    def _map(self, p: Floats) -> tuple[Floats, Floats, Floats]:
        """Log odds of the new likelihood and how far down and up its 95 % interval reaches."""
        if self.method == "isotonic":
            places, *curves = np.array(self.parameters).reshape(-1, len(KNOT)).T
            centre, low, high = (log_odds(np.interp(p, places, curve)) for curve in curves)
            return centre, centre - low, high - centre
        design, curve = design_of(self.method, p), self._curve(p)
        half = np.zeros_like(curve)
        if self.covariance:
            half = Z * np.sqrt(np.einsum("ni,ij,nj->n", design, np.array(self.covariance), design))
        if self.span is None:
            return curve, half, half
        near = np.clip(p, *self.span)
        beyond, moved = log_odds(p) - log_odds(near), curve - self._curve(near)
        centre = self._curve(near) + np.where(beyond > 0, np.minimum(moved, beyond), np.maximum(moved, beyond))
        left = curve - centre  # how far the curve itself would have gone on
        return centre, np.hypot(half, np.minimum(left, 0)), np.hypot(half, np.maximum(left, 0))

    def _curve(self, p: Floats) -> Floats:
        """Log odds of the new likelihood by the formula of the method."""
        offset = log_odds(p) if self.method == "prior" else 0.0
        return np.asarray(design_of(self.method, p) @ np.array(self.parameters) + offset, np.float64)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; parameters by name, isotonic knots as a list."""
        if self.method == "isotonic":
            rows = np.array(self.parameters).reshape(-1, len(KNOT)).tolist()
            parameters: Any = [dict(zip(KNOT, row, strict=True)) for row in rows]
        else:
            parameters = dict(zip(NAMES[self.method], self.parameters, strict=True))
        covariance = [list(row) for row in self.covariance]
        rest = {name: getattr(self, name) for name in ("method", "prevalence", "n", "n_positive")}
        span = None if self.span is None else list(self.span)
        return {**rest, "parameters": parameters, "covariance": covariance, "span": span}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Calibration":
        """The record that `as_dict` wrote. Raises ValueError when it is none."""
        conform(values, SHAPE)
        if values["method"] != "isotonic":
            conform(values["parameters"], dict.fromkeys(NAMES[values["method"]], float), "parameters")
        method, given = values["method"], values["parameters"]
        span = values.get("span")
        if method == "isotonic":
            conform(given, [dict.fromkeys(KNOT, float)], "parameters")
            parameters = tuple(float(knot[name]) for knot in given for name in KNOT)
        else:
            parameters = tuple(float(given[name]) for name in NAMES[method])
        return cls(
            method=method,
            parameters=parameters,
            covariance=tuple(tuple(map(float, row)) for row in values["covariance"]),
            prevalence=float(values["prevalence"]),
            n=int(values["n"]),
            n_positive=int(values["n_positive"]),
            span=None if span is None else tuple(map(float, span)),  # type: ignore[arg-type]
        )


def log_odds(p: float | Floats) -> Floats:
    """ln(p / (1 - p)), finite: p is kept 1e-6 from 0 and 1.

    >>> log_odds(0.5).item(), log_odds(0.0).round(3).item()
    (0.0, -13.816)
    """
    kept = np.clip(np.asarray(p, np.float64), LEAST, 1 - LEAST)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def chance_of(logit: float | Floats) -> Floats:
    """1 / (1 + exp(-logit)) without overflow.

    >>> chance_of(0.0).item(), chance_of(-800.0).item()
    (0.5, 0.0)
    """
    value = np.asarray(logit, np.float64)
    small = np.exp(-np.abs(value))
    return np.asarray(np.where(value >= 0, 1.0, small) / (1.0 + small))


def design_of(method: Method, p: Floats) -> Floats:
    """What the parameters of a method multiply, (n, parameters), at likelihoods p, (n,)."""
    kept = np.clip(np.asarray(p, np.float64), LEAST, 1 - LEAST)
    ones = np.ones_like(kept)
    columns: dict[str, tuple[Floats, ...]] = {
        "platt": (ones, log_odds(kept)),
        "beta": (ones, np.log(kept), -np.log1p(-kept)),
        "temperature": (log_odds(kept),),
        "prior": (ones,),
    }
    return np.stack(columns[method], axis=1)


def prevalence_shift(old: float, new: float) -> Calibration:
    """The map of likelihoods that held where a share `old` of patients has cancer to where it is `new`, both in 0..1.

    Assumes that patients with cancer look alike in both places, and patients without.

    >>> prevalence_shift(0.5, 0.2).apply(np.array([0.5]))[0].round(6).tolist()
    [0.2]
    """
    return Calibration(method="prior", parameters=(float(log_odds(new) - log_odds(old)),), prevalence=new)
