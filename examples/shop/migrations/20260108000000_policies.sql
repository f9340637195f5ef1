-- Who sees and changes what. An account is a profile, and what it may do follows from its kind: customers see their own
-- things, suppliers what they deliver, the staff everything. Visitors without an account see the catalogue.

-- Nobody may ask for another's kind, so this schema is not served; the functions run as their owner.
create schema private;
grant usage on schema private to anon, authenticated;
create function private.is_staff() returns boolean language sql stable security definer as
  $$ select exists (select 1 from profiles where id = auth.uid() and kind = 'staff') $$;
create function private.supplied() returns setof bigint language sql stable security definer as
  $$ select p.id from products p join suppliers s on s.id = p.supplier_id where s.profile_id = auth.uid() $$;

alter table profiles enable row level security;
alter table addresses enable row level security;
alter table categories enable row level security;
alter table suppliers enable row level security;
alter table products enable row level security;
alter table reviews enable row level security;
alter table warehouses enable row level security;
alter table stock_levels enable row level security;
alter table stock_movements enable row level security;
alter table carts enable row level security;
alter table cart_items enable row level security;
alter table orders enable row level security;
alter table order_items enable row level security;
alter table payments enable row level security;
alter table refunds enable row level security;

-- The staff may everything.
create policy staff on profiles to authenticated using ((select private.is_staff()));
create policy staff on addresses to authenticated using ((select private.is_staff()));
create policy staff on categories to authenticated using ((select private.is_staff()));
create policy staff on suppliers to authenticated using ((select private.is_staff()));
create policy staff on products to authenticated using ((select private.is_staff()));
create policy staff on reviews to authenticated using ((select private.is_staff()));
create policy staff on warehouses to authenticated using ((select private.is_staff()));
create policy staff on stock_levels to authenticated using ((select private.is_staff()));
create policy staff on stock_movements to authenticated using ((select private.is_staff()));
create policy staff on carts to authenticated using ((select private.is_staff()));
create policy staff on cart_items to authenticated using ((select private.is_staff()));
create policy staff on orders to authenticated using ((select private.is_staff()));
create policy staff on order_items to authenticated using ((select private.is_staff()));
create policy staff on payments to authenticated using ((select private.is_staff()));
create policy staff on refunds to authenticated using ((select private.is_staff()));

-- The catalogue.
create policy catalogue on categories for select using (true);
create policy catalogue on products for select using (status = 'active');
create policy catalogue on reviews for select using (true);

-- Customers.
create policy own on profiles for select to authenticated using (id = auth.uid());
create policy own_change on profiles for update to authenticated
  using (id = auth.uid()) with check (id = auth.uid());
-- Nobody hires themselves.
create policy no_promotion on profiles as restrictive for update to authenticated
  using (true) with check ((select private.is_staff()) or kind = 'customer');
create policy own on addresses to authenticated using (profile_id = auth.uid());
create policy own on carts to authenticated using (profile_id = auth.uid());
create policy own on cart_items to authenticated
  using (exists (select 1 from carts c where c.id = cart_items.cart_id and c.profile_id = auth.uid()));
create policy own on orders for select to authenticated using (profile_id = auth.uid());
create policy own on order_items for select to authenticated
  using (exists (select 1 from orders o where o.id = order_items.order_id and o.profile_id = auth.uid()));
create policy own on payments for select to authenticated
  using (exists (select 1 from orders o where o.id = payments.order_id and o.profile_id = auth.uid()));
create policy own on reviews for insert to authenticated with check (profile_id = auth.uid());

-- Suppliers.
create policy own on suppliers for select to authenticated using (profile_id = auth.uid());
create policy supplied on products for select to authenticated using (id in (select private.supplied()));
create policy supplied on stock_levels for select to authenticated
  using (product_id in (select private.supplied()));

-- Views show what their reader may see; the best sellers are everybody's, and whether a product is in stock.
alter view active_products set (security_invoker = true);
alter view product_ratings set (security_invoker = true);
alter view order_totals set (security_invoker = true);
alter view monthly_revenue set (security_invoker = true);
grant select on best_sellers to anon, authenticated;
alter function in_stock(products) security definer;
