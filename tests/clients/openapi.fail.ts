// Each line below a marker must be refused by the compiler, and no other.
import createClient from "openapi-fetch"
import type { components, paths } from "./api.types"

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:54321/rest/v1" })

type Schemas = components["schemas"]

export async function mistakes() {
  // must fail: a table that is not there
  await client.GET("/prodcuts")
  // must fail: a filter on a column that is not there
  await client.GET("/products", { params: { query: { colour: "eq.red" } } })
  // must fail: a limit that is no number
  await client.GET("/products", { params: { query: { limit: "ten" } } })
  const { data } = await client.GET("/products")
  // must fail: a column that is not there
  data![0].nmae.length
  // must fail: a column that may be null
  data![0].weight_grams.toFixed()
  // must fail: a value of another type
  await client.PATCH("/products", { body: { price: "ten" }, params: { query: { id: "eq.1" } } })
  // must fail: a column that is generated
  const change: Schemas["products-update"] = { margin: 5 }
  await client.PATCH("/products", { body: change, params: { query: { id: "eq.1" } } })
  // must fail: a required column is missing
  await client.POST("/products", { body: { sku: "x" } })
  // must fail: an argument is missing
  await client.POST("/rpc/order_total", { body: {} })
  // must fail: an argument of another type
  await client.GET("/rpc/order_total", { params: { query: { order_id: "one" } } })
  // must fail: a view that cannot be written
  await client.POST("/product_ratings", { body: { stars: 5 } })
  // must fail: a volatile function is not for reading
  await client.GET("/rpc/add_to_cart", { params: { query: { cart: "c", product: 1 } } })
  const { error } = await client.DELETE("/products", { params: { query: { id: "eq.1" } } })
  // must fail: a problem has no such field
  error!.reason.length
}

// must fail: a label that the enum does not have
export const status: Schemas["product_status-enum"] = "sold"
// must fail: a column that the database gives alone
export const address: Schemas["addresses-insert"] = { id: 1, profile_id: "p", street: "s", city: "c", postcode: "1", country: "DE" }
