# (s, S) inventory policy; average cost per day
import numpy as np

REORDER_POINT = 20
ORDER_UP_TO = 60

HOLDING_COST = 0.5
BACKORDER_COST = 9.0
FIXED_ORDER_COST = 32.0
LEAD_TIME = 3
MEAN_DEMAND = 7.5
DAYS = 400

def run(rng):
    stock, pipeline, cost = ORDER_UP_TO, [], 0.0
    for day in range(DAYS):
        stock += sum(q for d, q in pipeline if d == day)
        pipeline = [(d, q) for d, q in pipeline if d > day]
        stock -= rng.poisson(MEAN_DEMAND)
        position = stock + sum(q for _, q in pipeline)
        if position <= REORDER_POINT:
            pipeline.append((day + LEAD_TIME, ORDER_UP_TO - position))
            cost += FIXED_ORDER_COST
        cost += HOLDING_COST * max(stock, 0) + BACKORDER_COST * max(-stock, 0)
    return cost / DAYS

if __name__ == "__main__":
    generator = np.random.default_rng(15)
    print("cost_per_day:", np.mean([run(generator) for replication in range(5)]))
