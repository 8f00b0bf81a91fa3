# title: Plot
# about: Draws an image that appears below the output
import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

xs = [x / 50 for x in range(-300, 301)]
for order in (1, 2, 3):
    plt.plot(xs, [1 / (1 + abs(x) ** (2 * order)) for x in xs], label=f"order {order}")
plt.legend()
plt.savefig("plot.svg")
print("drawn")
