"""What an order costs."""


def total(prices, quantities, discount=0.0):
    return sum(prices) * (1 - discount)
