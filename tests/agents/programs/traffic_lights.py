import random
import statistics

class Junction:
    GREEN_NS = 30
    GREEN_EW = 20
    ALL_RED = 3
    EXTENSION = 4
    QUEUE_TRIGGER = 6

class Demand:
    NS_PER_MINUTE = 14
    EW_PER_MINUTE = 9
    SATURATION_PER_SECOND = 0.5

def simulate(minutes=40, random_seed=17):
    r = random.Random(random_seed)
    q = {"ns": [], "ew": []}
    waits, phase, left = [], "ns", Junction.GREEN_NS
    red = 0
    for second in range(minutes * 60):
        for d, rate in (("ns", Demand.NS_PER_MINUTE), ("ew", Demand.EW_PER_MINUTE)):
            if r.random() < rate / 60:
                q[d].append(second)
        if red > 0:
            red -= 1
            continue
        if q[phase] and r.random() < Demand.SATURATION_PER_SECOND:
            waits.append(second - q[phase].pop(0))
        left -= 1
        if left <= 0:
            if len(q[phase]) > Junction.QUEUE_TRIGGER and left > -Junction.EXTENSION * 3:
                continue
            phase = "ew" if phase == "ns" else "ns"
            left = Junction.GREEN_NS if phase == "ns" else Junction.GREEN_EW
            red = Junction.ALL_RED
    return statistics.mean(waits)

if __name__ == "__main__":
    print("delay_s", simulate())
