-- What people look at.
create view active_products as
  select id, sku, name, description, category_id, supplier_id, price, tags, attributes, created_at
  from products
  where status = 'active';

create view product_ratings as
  select product_id, count(*) as reviews, round(avg(stars), 2) as stars
  from reviews
  group by product_id;

create view order_totals as
  select o.id as order_id, o.number, o.profile_id, o.status, o.placed_at,
         coalesce(sum(i.line_total), 0) as goods,
         o.shipping,
         coalesce(sum(i.line_total), 0) + o.shipping as total
  from orders o
  left join order_items i on i.order_id = o.id
  group by o.id;

create view best_sellers as
  select p.id, p.name, p.category_id, sum(i.quantity) as sold,
         rank() over (order by sum(i.quantity) desc) as place
  from products p
  join order_items i on i.product_id = p.id
  join orders o on o.id = i.order_id and o.status <> 'cancelled'
  group by p.id;

create view monthly_revenue as
  select date_trunc('month', placed_at)::date as month,
         count(*) as orders,
         sum(total) as revenue
  from order_totals
  where status <> 'cancelled'
  group by 1;

-- A computed column: /rest/v1/products?select=name,in_stock
create function in_stock(product products) returns boolean
language sql stable as $$
  select exists (select 1 from stock_levels s where s.product_id = product.id and s.available > 0)
$$;

create function search_products(query text, max_price numeric default null)
returns setof active_products
language sql stable as $$
  select * from active_products
  where to_tsvector('english', name || ' ' || description) @@ websearch_to_tsquery('english', query)
    and (max_price is null or price <= max_price)
  order by price
$$;

create function order_total(order_id bigint) returns numeric
language sql stable as $$
  select total from order_totals t where t.order_id = order_total.order_id
$$;

create function add_to_cart(cart uuid, product bigint, quantity int default 1) returns setof cart_items
language sql volatile as $$
  insert into cart_items (cart_id, product_id, quantity)
  values (add_to_cart.cart, add_to_cart.product, add_to_cart.quantity)
  on conflict (cart_id, product_id) do update set quantity = cart_items.quantity + excluded.quantity
  returning *
$$;
