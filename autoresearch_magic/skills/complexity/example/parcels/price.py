"""The price of sending a parcel, in cents."""


def price(weight, country, express=False, fragile=False):
    """Return the price in cents.

    `weight` is in grams, above 0 and up to 30,000; `country` is a code of two letters.
    """
    if weight <= 0 or weight > 30000:
        raise ValueError("the weight must be above 0 and up to 30,000 grams")
    if country == "DE":
        if weight <= 1000:
            cents = 399
        elif weight <= 5000:
            cents = 599
        elif weight <= 10000:
            cents = 999
        else:
            cents = 1899
    elif country == "AT" or country == "CH" or country == "FR" or country == "NL":
        if weight <= 1000:
            cents = 899
        elif weight <= 5000:
            cents = 1399
        elif weight <= 10000:
            cents = 1899
        else:
            cents = 2999
    else:
        if weight <= 1000:
            cents = 1499
        elif weight <= 5000:
            cents = 2799
        elif weight <= 10000:
            cents = 3999
        else:
            cents = 6299
    if express:
        if country == "DE":
            cents = cents + 900
        else:
            if country == "AT" or country == "CH" or country == "FR" or country == "NL":
                cents = cents + 1900
            else:
                cents = cents * 2
    if fragile:
        if weight > 10000:
            cents = cents + 500
        else:
            cents = cents + 250
    return cents
