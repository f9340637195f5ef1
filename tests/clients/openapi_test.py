"""The OpenAPI document against an independent validator."""

import json
import os
import urllib.request

from openapi_spec_validator import validate

headers = {"Accept": "application/openapi+json", "apikey": os.environ["MAINSTAY_SERVICE_KEY"]}
request = urllib.request.Request(os.environ["MAINSTAY_URL"] + "/rest/v1/", headers=headers)
with urllib.request.urlopen(request) as answer:
    document = json.load(answer)
assert document["openapi"].startswith("3.1."), document["openapi"]
assert "/products" in document["paths"] and "/rpc/search_products" in document["paths"], list(document["paths"])[:5]
validate(document)

schemas = document["components"]["schemas"]
row, insert, update = (schemas[name] for name in ("products", "products-insert", "products-update"))
products = row["properties"]
assert row["required"] == list(products), row["required"]
assert sorted(insert["required"]) == ["category_id", "cost", "name", "price", "sku", "supplier_id"], insert["required"]
assert "required" not in update and not any("default" in column for column in insert["properties"].values())
assert products["price"] == {"type": "number", "x-postgres-type": "numeric"}, products["price"]
assert products["vat_rate"]["default"] == 0.19 and products["tags"]["default"] == [] and products["attributes"]["default"] == {}
assert products["margin"]["readOnly"] and "default" not in products["margin"], products["margin"]
assert "margin" not in insert["properties"] and "margin" not in update["properties"]
assert (products["id"]["format"], products["created_at"]["format"]) == ("int64", "date-time"), products["id"]
assert "default" not in products["created_at"] and "type" not in products["attributes"], products["created_at"]
assert schemas["product_status-enum"]["enum"] == ["draft", "active", "retired"]
assert products["status"] == {"$ref": "#/components/schemas/product_status-enum", "default": "draft"}, products["status"]
hours = schemas["warehouses"]["properties"]["open_hours"]
assert (hours["type"], hours["x-postgres-type"], hours["default"]) == ("string", "int4range", "[8,18)"), hours
assert schemas["suppliers"]["properties"]["lead_time"]["default"] == "7 days"
assert list(document["paths"]["/best_sellers"]) == ["get"] and "post" in document["paths"]["/active_products"]

for path, item in document["paths"].items():
    for method, operation in item.items():
        assert {"4XX", "5XX"} < operation["responses"].keys() and "default" not in operation["responses"], (path, method)
        for status in ("200", "201", "206"):
            answer = operation["responses"].get(status)
            assert answer is None or list(answer["content"]) == ["application/json"], (path, method, status)
print(f"{len(document['paths'])} paths are valid")
