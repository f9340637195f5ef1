"""The OpenAPI document against an independent validator."""

import json
import os
import urllib.request

from openapi_spec_validator import validate

request = urllib.request.Request(os.environ["MAINSTAY_URL"] + "/rest/v1/", headers={"Accept": "application/openapi+json"})
with urllib.request.urlopen(request) as answer:
    document = json.load(answer)
assert document["openapi"].startswith("3.1."), document["openapi"]
assert "/products" in document["paths"] and "/rpc/search_products" in document["paths"], list(document["paths"])[:5]
validate(document)
print(f"{len(document['paths'])} paths are valid")
