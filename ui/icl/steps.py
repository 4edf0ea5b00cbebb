"""Sliders over eta, N, noise and depth: prediction and loss move along every route at once."""

import pandas as pd
import streamlit as st

from ui.frame import navigation, notes
from ui.icl import charts
from vectorlab.icl.domain.laws import Inputs, RegressionLaw, best_one_step
from vectorlab.icl.services import steps as icl_steps

FORMULAS = """\
L(W)    = 1/(2N) sum_j ||W x_j - y_j||^2
dW      = -(eta/N) sum_j (W x_j - y_j) x_j^T                       gradient descent
targets : y_j <- y_j - dW x_j                                      the same step
layer   : e_i <- e_i + P sum_j (W_V e_j) (W_K e_j)^T (W_Q e_i)     e = (x, y), j without the query
          W_K = W_Q = [[I, 0], [0, 0]]   W_V = [[0, 0], [W0, -I]]   P = (eta/N) I
read-out: prediction = -(y slot of the query), which starts at -W0 x
GD++    : x <- x - gamma (sum_j x_j x_j^T) x                       demonstrations and query
"""


def show() -> None:
    """Draw the view of gradient steps beside attention layers."""
    law, steps, seed = _law()
    best = best_one_step(law)
    left, right = st.columns(2)
    with left:
        eta = st.slider(
            "eta: learning rate",
            min_value=0.0,
            max_value=float(f"{4 * best.eta:.3g}"),
            value=float(f"{best.eta / 2:.3g}"),
            key="eta",
            bind="query-params",
        )
    with right:
        gamma = st.slider(
            "gamma: curvature correction of GD++, in units of eta / N",
            min_value=0.0,
            max_value=1.0,
            value=0.15,
            key="gamma",
            bind="query-params",
        )
    walk = icl_steps.walk(
        law,
        eta=eta,
        gamma=gamma * eta / law.n,
        steps=steps,
        seed=seed,
    )
    _say_limits(walk, eta, steps, best.eta)
    with left:
        st.subheader("Loss, mean over 200 tasks", anchor=False)
        st.altair_chart(charts.lines(walk.losses, "step", "loss", "route"))
    with right:
        st.subheader("Prediction for one query; dotted: its target", anchor=False)
        st.altair_chart(
            charts.lines(walk.predictions, "step", "prediction", "route", rule=walk.target)
        )
    st.caption(
        "The constructed layer and the explicit steps coincide: their lines cover each other."
    )
    st.code(FORMULAS, language=None)
    with st.expander("The layer's matrices at these settings (W0 = 0)"):
        for name, matrix in icl_steps.matrices(law, eta=eta).items():
            st.caption(name)
            st.dataframe(pd.DataFrame(matrix), hide_index=True, key=f"icl.matrix.{name}")


def _law() -> tuple[RegressionLaw, int, int]:
    first, second, third, fourth = st.columns(4)
    with first:
        n = st.slider("N: demonstrations", 1, 40, 10, key="n", bind="query-params")
    with second:
        noise = st.slider("Noise on the targets", 0.0, 1.0, 0.0, key="noise", bind="query-params")
    with third:
        steps = st.slider("Depth: steps, layers", 1, 30, 5, key="depth", bind="query-params")
    with fourth:
        dx = st.slider("dx: width of inputs", 1, 20, 10, key="dx", bind="query-params")
    laws = [Inputs.UNIFORM, Inputs.NORMAL, Inputs.LAPLACE]
    inputs = navigation.one_of("Inputs", laws, key="inputs", what="law of inputs")
    law = RegressionLaw(dx=dx, n=n, noise=noise, inputs=inputs)
    seed = st.number_input("Seed", 0, 10_000, 0, key="tasks", bind="query-params", width=140)
    return law, steps, seed


def _say_limits(walk: icl_steps.Walk, eta: float, steps: int, best: float) -> None:
    if steps > 1 and eta > walk.limit:
        notes.note(
            "This eta diverges on some of the tasks",
            f"eta = {eta:.3g} passes the limit 2 / lambda_max(X^T X / N), which for the steepest "
            f"of these tasks is {walk.limit:.3g}. More steps move further away there; values "
            "beyond a million are not drawn.",
        )
    else:
        st.caption(
            f"Best eta for one step, in closed form: {best:.3g}. Many steps converge on all of "
            f"these tasks up to {walk.limit:.3g}."
        )
