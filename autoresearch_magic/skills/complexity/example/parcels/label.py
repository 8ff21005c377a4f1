"""Labels: an address as people write it, taken apart."""


def read_address(text):
    """Return name, street, code, town and country of an address of three or four lines.

    The third line is a code and a town, or a town and a code; without a fourth line the country is DE.
    """
    lines = []
    for line in text.splitlines():
        if line.strip() != "":
            lines.append(line.strip())
    if len(lines) < 3 or len(lines) > 4:
        raise ValueError("an address has three or four lines")
    name = lines[0]
    street = lines[1]
    words = lines[2].split()
    if len(words) < 2:
        raise ValueError("the third line is a code and a town")
    if words[0].isdigit():
        code = words[0]
        town = ""
        for word in words[1:]:
            if town == "":
                town = word
            else:
                town = town + " " + word
    elif words[-1].isdigit():
        code = words[-1]
        town = ""
        for word in words[:-1]:
            if town == "":
                town = word
            else:
                town = town + " " + word
    else:
        raise ValueError("the third line needs a code")
    if len(lines) == 4:
        country = lines[3].upper()
        if len(country) != 2 or not country.isalpha():
            raise ValueError("the country is a code of two letters")
    else:
        country = "DE"
    return {"name": name, "street": street, "code": code, "town": town, "country": country}
