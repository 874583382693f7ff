# SPDX-License-Identifier: Apache-2.0
"""Results as text."""


def amount(us):
    if us < 1e3:
        return f"{us:.0f} µs"
    return f"{us / 1000:.2f} ms" if us < 1e6 else f"{us / 1e6:.2f} s"


def section(title, rows):
    lines = ["", title, f"  {'':34} {'median':>10} {'p90':>10}  ratio (90 % interval)"]
    for row in rows:
        if row["absent"]:
            lines.append(f"  {row['name']:34} skipped: {row['absent']}")
            continue
        text = f"  {row['name']:34} {amount(row['median_us']):>10} {amount(row['p90_us']):>10}"
        if "ratio" in row:
            text += (f"  {row['ratio']:.3f} ({row['ratio_low']:.3f}-{row['ratio_high']:.3f})"
                     f" of {row['reference']}")
        lines.append(text)
    return "\n".join(lines)


def goal_line(goal):
    text = f"  {goal['verdict']:12} {goal['text']}: "
    if "ratio" not in goal:
        return text + f"at most {goal['bound']:.3f}"
    text += f"{goal['ratio']:.3f} ({goal['low']:.3f}-{goal['high']:.3f}), at most {goal['bound']:.3f}"
    return text + ("" if goal["sure"] else ", within the noise")


def machine_line(machine):
    return (f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
            f"{machine['date']}, load {machine['load_before']} before and {machine['load_after']} "
            "after")
