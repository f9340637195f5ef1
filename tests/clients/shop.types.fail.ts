// Each line below a marker must be refused by the compiler: `@ts-expect-error` would hide what the test looks for, so
// the test reads the lines of the errors instead.
import { createClient } from "@supabase/supabase-js"
import type { Database, Enums, TablesInsert } from "./database.types"

const client = createClient<Database>("http://127.0.0.1:54321", "anon")

export async function mistakes() {
  const read = await client.from("products").select("id, nmae").single()
  // must fail: a column that is not there
  read.data!.nmae.length
  // must fail: a table that is not there
  await client.from("prodcuts").select("id")
  // must fail: a filter on a column that is not there
  await client.from("products").select("id").eq("colour", "red")
  // must fail: a value of another type
  await client.from("products").update({ price: "ten" }).eq("id", 1)
  // must fail: a column that is always generated
  await client.from("addresses").insert({ id: 1, profile_id: "p", street: "s", city: "c", postcode: "1", country: "DE" })
  // must fail: an argument that is missing
  await client.rpc("order_total", {})
  // must fail: a view that cannot be written
  await client.from("product_ratings").insert({ stars: 5 })
}

// must fail: a label that the enum does not have
export const status: Enums<"product_status"> = "sold"
// must fail: a required column is missing
export const row: TablesInsert<"products"> = { sku: "x" }
