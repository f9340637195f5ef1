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

schemas = document["components"]["schemas"]
products, insert = schemas["row.products"]["properties"], schemas["insert.products"]["properties"]
assert products["price"] == {"type": "number", "format": "numeric"}, products["price"]
assert insert["vat_rate"]["default"] == 0.19 and insert["tags"]["default"] == [] and insert["attributes"]["default"] == {}, insert
assert products["margin"]["readOnly"] and "default" not in products["margin"] and "margin" not in insert, products["margin"]
assert "default" not in products["created_at"], products["created_at"]
assert products["status"]["enum"] == ["draft", "active", "retired"] and products["status"]["default"] == "draft", products["status"]
hours = schemas["row.warehouses"]["properties"]["open_hours"]
assert (hours["type"], hours["format"], hours["default"]) == ("string", "int4range", "[8,18)"), hours
assert schemas["row.suppliers"]["properties"]["lead_time"]["default"] == "7 days"
assert list(document["paths"]["/best_sellers"]) == ["get"] and "post" in document["paths"]["/active_products"]
print(f"{len(document['paths'])} paths are valid")
