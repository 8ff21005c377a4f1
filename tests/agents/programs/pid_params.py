from typing import NamedTuple


class Gains(NamedTuple):
    kp: float = 1.2
    ki: float = 0.4
    kd: float = 0.05


class Plant(NamedTuple):
    mass: float = 2.0
    drag: float = 0.3
    max_force: float = 10.0


def simulate(gains: Gains, plant: Plant, dt: float = 0.01, duration: float = 5.0, setpoint: float = 1.0) -> float:
    x = v = integral = 0.0
    last = setpoint
    cost = 0.0
    steps = int(duration / dt)
    for _ in range(steps):
        error = setpoint - x
        integral += error * dt
        force = gains.kp * error + gains.ki * integral + gains.kd * (error - last) / dt
        force = max(-plant.max_force, min(plant.max_force, force))
        v += (force - plant.drag * v) / plant.mass * dt
        x += v * dt
        last = error
        cost += abs(error) * dt
    return cost


print("iae", simulate(Gains(), Plant()))
