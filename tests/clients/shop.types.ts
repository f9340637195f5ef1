// A client of examples/shop, compiled against `mainstay types typescript examples/shop`. It is checked, not run.
import { createClient } from "@supabase/supabase-js"
import type { Database, Enums, Json, Tables, TablesInsert, TablesUpdate } from "./database.types"
import { Constants } from "./database.types"

const client = createClient<Database>("http://127.0.0.1:54321", "anon")

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(_: Same<A, B>): void {}

export async function reads() {
  const products = await client.from("products").select("id, name, price, attributes, status, in_stock").limit(3)
  const first = products.data![0]
  same<typeof first.id, number>(true)
  same<typeof first.attributes, Json>(true)
  same<typeof first.status, "draft" | "active" | "retired">(true)
  same<typeof first.in_stock, boolean | null>(true)

  const all = await client.from("products").select("*").single()
  same<"in_stock" extends keyof NonNullable<typeof all.data> ? true : false, false>(true)

  const embedded = await client
    .from("orders")
    .select("number, profiles(email), order_items(line, products(sku, categories(name)))")
  const order = embedded.data![0]
  same<typeof order.profiles, { email: string }>(true)
  const item = order.order_items[0]
  same<typeof item.line, number>(true)
  same<typeof item.products.categories.name, string>(true)

  // A unique foreign key: one profile has at most one supplier.
  const supplier = await client.from("profiles").select("suppliers(name)").single()
  same<NonNullable<typeof supplier.data>["suppliers"], { name: string } | null>(true)

  const view = await client.from("product_ratings").select("product_id, stars").single()
  same<NonNullable<typeof view.data>["stars"], number | null>(true)
}

export async function calls() {
  const found = await client.rpc("search_products", { query: "lamp" }).select("sku, price")
  same<NonNullable<typeof found.data>, { sku: string | null; price: number | null }[]>(true)
  const total = await client.rpc("order_total", { order_id: 7 })
  same<typeof total.data, number | null>(true)
  await client.rpc("add_to_cart", { cart: "c", product: 1, quantity: 2 })
}

export async function writes() {
  const row: TablesInsert<"products"> = {
    sku: "LAMP-1", name: "Lamp", category_id: 1, supplier_id: 1, price: 10, cost: 5, tags: ["oak"],
  }
  const change: TablesUpdate<"products"> = { status: "active" satisfies Enums<"product_status"> }
  await client.from("products").insert(row)
  await client.from("products").update(change).eq("id", 1)
  await client.from("addresses").insert({ profile_id: "p", street: "s", city: "c", postcode: "1", country: "DE" })
  // A view of one table can be written; one with a group cannot.
  await client.from("active_products").update({ price: 3 }).eq("id", 1)
}

export const statuses: readonly Enums<"order_status">[] = Constants.public.Enums.order_status
export const profile: Pick<Tables<"profiles">, "email" | "phone"> = { email: "ada@example.com", phone: null }
export const viewed: Tables<"order_totals">["total"] = 4.9
