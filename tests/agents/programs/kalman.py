import numpy as np

# constant velocity model
DT = 0.1
PROCESS_NOISE = 0.05
MEASUREMENT_NOISE = 0.5
INITIAL_UNCERTAINTY = 10.0

def truth_and_readings(steps=200, sensor_sd=0.7, seed=30):
    g = np.random.default_rng(seed)
    v = np.cumsum(g.normal(0, 0.1, steps)) + 1.0
    x = np.cumsum(v * DT)
    return x, x + g.normal(0, sensor_sd, steps)

def kalman(z, q=PROCESS_NOISE, r=MEASUREMENT_NOISE, p0=INITIAL_UNCERTAINTY):
    F = np.array([[1, DT], [0, 1]])
    H = np.array([[1.0, 0.0]])
    Q = q * np.array([[DT ** 3 / 3, DT ** 2 / 2], [DT ** 2 / 2, DT]])
    x, P = np.array([z[0], 0.0]), np.eye(2) * p0
    out = []
    for obs in z:
        x, P = F @ x, F @ P @ F.T + Q
        S = H @ P @ H.T + r
        K = (P @ H.T) / S
        x = x + (K * (obs - H @ x)).ravel()
        P = (np.eye(2) - K @ H) @ P
        out.append(x[0])
    return np.array(out)

x, z = truth_and_readings()
rmse = float(np.sqrt(np.mean((kalman(z) - x) ** 2)))
print("RMSE: %.5f" % rmse)
print("raw RMSE: %.5f" % float(np.sqrt(np.mean((z - x) ** 2))))
