// A client of examples/shop, on the types that openapi-typescript makes of the document that the server serves. It is
// compiled with `--strict` and run against that server.
import assert from "node:assert/strict"
import { test } from "node:test"
import createClient from "openapi-fetch"
import type { components, paths } from "./api.types"

const client = createClient<paths>({
  baseUrl: process.env.MAINSTAY_URL + "/rest/v1",
  headers: { apikey: process.env.MAINSTAY_SERVICE_KEY! },
})

type Schemas = components["schemas"]

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(_: Same<A, B>): void {}

const representation = { Prefer: "return=representation" }
const lamp: Schemas["products-insert"] = {
  sku: "OPENAPI-1", name: "Typed lamp", category_id: 11, supplier_id: 1, price: 10.5, cost: 4, tags: ["oak"],
  attributes: { watts: 7 },
}

test("a list has the types of its columns", async () => {
  const { data, error } = await client.GET("/products", {
    params: { query: { status: "eq.active", price: "lt.50", order: "price.desc,id", limit: 3, offset: 1 } },
  })
  assert.ok(data, JSON.stringify(error))
  same<(typeof data)[number], Schemas["products"]>(true)
  same<(typeof data)[number]["weight_grams"], number | null>(true)
  same<(typeof data)[number]["attributes"], unknown>(true)
  same<(typeof data)[number]["tags"], string[]>(true)
  same<(typeof data)[number]["status"], "draft" | "active" | "retired">(true)
  assert.equal(data.length, 3)
  for (const product of data) {
    assert.equal(product.status, "active")
    assert.ok(product.price < 50 && Array.isArray(product.tags))
    assert.equal(product.margin?.toFixed(2), (product.price - product.cost).toFixed(2))
  }
  assert.ok(data[0].price >= data[1].price && data[1].price >= data[2].price)
})

test("several conditions on one column, a count, a part", async () => {
  const { data, response } = await client.GET("/products", {
    params: {
      query: { and: "(price.gte.20,price.lte.40)", select: "id,price", limit: 2 },
      header: { Prefer: "count=exact" },
    },
  })
  assert.equal(response.status, 206)
  assert.match(response.headers.get("content-range")!, /^0-1\/\d+$/)
  assert.deepEqual(data!.map((product) => product.price >= 20 && product.price <= 40), [true, true])
})

test("a single row", async () => {
  const { data } = await client.GET("/products", { params: { query: { id: "eq.1" } } })
  assert.equal(data?.[0]?.id, 1)
  const none = await client.GET("/products", {
    params: { query: { id: "eq.0" } },
    headers: { Accept: "application/vnd.pgrst.object+json" },
  })
  assert.equal(none.response.status, 406)
  same<NonNullable<typeof none.error>, Schemas["rest-problem"]>(true)
  assert.equal(none.error?.code, "PGRST116")
})

test("rows are inserted, changed and deleted", async () => {
  const made = await client.POST("/products", { body: lamp, params: { header: representation } })
  assert.equal(made.response.status, 201, JSON.stringify(made.error))
  const product = made.data![0]
  assert.equal(product.status satisfies Schemas["product_status-enum"], "draft")
  assert.deepEqual([product.margin, product.vat_rate, product.attributes], [6.5, 0.19, { watts: 7 }])
  assert.ok(Date.parse(product.created_at) > 0)

  const twice = await client.POST("/products", { body: [lamp] })
  assert.equal(twice.response.status, 409)
  assert.equal(twice.error?.code, "23505")

  const chosen = { id: `eq.${product.id}` }
  const change: Schemas["products-update"] = { status: "active", weight_grams: null }
  const changed = await client.PATCH("/products", { body: change, params: { query: chosen, header: representation } })
  assert.equal(changed.data?.[0]?.status, "active")
  const silent = await client.PATCH("/products", { body: { price: 12 }, params: { query: chosen } })
  assert.deepEqual([silent.response.status, silent.data], [204, undefined])

  const gone = await client.DELETE("/products", { params: { query: chosen, header: representation } })
  assert.deepEqual(gone.data?.map((row) => row.price), [12])
})

test("lists are inserted and merged, without a body to answer", async () => {
  const body: Schemas["categories-insert"][] = [{ slug: "typed-a", name: "A", position: 1 }, { slug: "typed-b", name: "B", position: 2 }]
  const made = await client.POST("/categories", { body })
  assert.equal(made.response.status, 201, JSON.stringify(made.error))
  const merged = await client.POST("/categories", {
    body: [{ slug: "typed-a", name: "AA" }],
    params: {
      query: { on_conflict: "slug", select: "name" },
      header: { Prefer: "resolution=merge-duplicates, return=representation" },
    },
  })
  assert.deepEqual(merged.data, [{ name: "AA" }])
  await client.DELETE("/categories", { params: { query: { slug: "like.typed-*" } } })
})

test("a row is replaced by its key", async () => {
  const body = { id: 900, slug: "replaced", name: "Replaced" }
  const { data, error } = await client.PUT("/categories", { body, params: { query: { id: "eq.900" }, header: representation } })
  assert.equal(data?.[0]?.slug, "replaced", JSON.stringify(error))
  const { response } = await client.DELETE("/categories", { params: { query: { id: "eq.900" } } })
  assert.equal(response.status, 204)
})

test("functions take and give what they say", async () => {
  const total = await client.POST("/rpc/order_total", { body: { order_id: 1 } })
  same<typeof total.data, number | null | undefined>(true)
  assert.equal(typeof total.data, "number", JSON.stringify(total.error))
  const read = await client.GET("/rpc/order_total", { params: { query: { order_id: 1 } } })
  assert.equal(read.data, total.data)
  const found = await client.GET("/rpc/search_products", {
    params: { query: { query: "lamp", max_price: 500, order: "price.desc", limit: 2, sku: "not.is.null" } },
  })
  same<NonNullable<typeof found.data>[number], Schemas["active_products"]>(true)
  assert.equal(found.data?.length, 2)
  const { data: carts } = await client.POST("/carts", { body: { note: "typed" }, params: { header: representation } })
  const cart = carts![0].id
  const added = await client.POST("/rpc/add_to_cart", { body: { cart, product: 2 } })
  assert.deepEqual(added.data?.map((item) => [item.cart_id, item.quantity]), [[cart, 1]])
  const { response } = await client.DELETE("/carts", { params: { query: { id: `eq.${cart}` } } })
  assert.equal(response.status, 204)
})

test("a view that can be written has its table's columns", async () => {
  const { data } = await client.GET("/active_products", { params: { query: { limit: 1, order: "id" } } })
  same<Schemas["active_products"]["price"], number>(true)
  const { data: changed } = await client.PATCH("/active_products", {
    body: { description: "typed" },
    params: { query: { id: `eq.${data![0].id}` }, header: representation },
  })
  assert.equal(changed?.[0]?.description, "typed")
  same<Schemas["order_totals"]["total"], number | null>(true)
})
