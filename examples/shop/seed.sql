-- Some thousand rows that look like a shop. Deterministic: every start of `mainstay dev` on a fresh data directory
-- makes the same shop.
insert into categories (id, parent_id, slug, name, position) values
  (1, null, 'home', 'Home', 1), (2, null, 'kitchen', 'Kitchen', 2), (3, null, 'garden', 'Garden', 3),
  (4, null, 'office', 'Office', 4), (11, 1, 'lighting', 'Lighting', 1), (12, 1, 'textiles', 'Textiles', 2),
  (13, 1, 'storage', 'Storage', 3), (21, 2, 'cookware', 'Cookware', 1), (22, 2, 'tableware', 'Tableware', 2),
  (31, 3, 'pots', 'Pots & planters', 1), (32, 3, 'tools', 'Garden tools', 2), (41, 4, 'desk', 'On the desk', 1);
select setval('categories_id_seq', 100);

insert into suppliers (id, name, country, lead_time) values
  (1, 'Nordlys Atelier', 'NO', '10 days'), (2, 'Weberei Sommer', 'DE', '5 days'), (3, 'Cerámica Ríos', 'ES', '14 days'),
  (4, 'Atelier Dupont', 'FR', '8 days 12 hours'), (5, 'Fonderia Bianchi', 'IT', '12 days'), (6, 'Kessel & Söhne', 'AT', '6 days');
select setval('suppliers_id_seq', 100);

insert into warehouses (id, code, name, open_hours) values
  (1, 'HAM', 'Hamburg', '[6,22)'), (2, 'LYO', 'Lyon', '[8,18)'), (3, 'GDN', 'Gdańsk', '[7,19)');

insert into profiles (id, email, display_name, kind, phone, marketing, created_at)
select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
       lower(f.name) || '.' || lower(l.name) || n || '@example.com',
       f.name || ' ' || l.name,
       case when n <= 6 then 'staff' else 'customer' end::account_kind,
       case when n % 3 = 0 then '+49 40 555 ' || lpad((n * 37 % 10000)::text, 4, '0') end,
       n % 4 = 0,
       timestamptz '2025-01-06 09:00:00+00' + n * interval '11 hours 7 minutes'
from generate_series(1, 600) as n
join (values (0, 'Ada'), (1, 'Bruno'), (2, 'Chloé'), (3, 'Dario'), (4, 'Elif'), (5, 'Finn'), (6, 'Greta'), (7, 'Hugo'),
             (8, 'Inès'), (9, 'Jonas'), (10, 'Katja'), (11, 'Liam'), (12, 'Mina'), (13, 'Noor'), (14, 'Oskar'), (15, 'Priya'),
             (16, 'Quinn'), (17, 'Rosa'), (18, 'Sven'), (19, 'Tomás')) as f (k, name) on f.k = n % 20
join (values (0, 'Albrecht'), (1, 'Bernard'), (2, 'Costa'), (3, 'Dahl'), (4, 'Eriksen'), (5, 'Fischer'), (6, 'García'),
             (7, 'Hoffmann'), (8, 'Ivanova'), (9, 'Jansen'), (10, 'Kowalski'), (11, 'Lindqvist'), (12, 'Moreau'),
             (13, 'Novak'), (14, 'Okafor'), (15, 'Petrov'), (16, 'Rossi'), (17, 'Schmidt'), (18, 'Tanaka'),
             (19, 'Ueda'), (20, 'Varga'), (21, 'Weber'), (22, 'Yilmaz')) as l (k, name) on l.k = n % 23;

insert into addresses (profile_id, label, street, city, postcode, country, is_default)
select p.id, 'Home', s.street || ' ' || (1 + p.n * 7 % 120), c.city, c.postcode, c.country, true
from (select id, row_number() over (order by id) as n from profiles) as p
join (values (0, 'Lindenstraße'), (1, 'Rue des Lilas'), (2, 'Via Roma'), (3, 'Calle Mayor'), (4, 'Storgata')) as s (k, street)
  on s.k = p.n % 5
join (values (0, 'Hamburg', '20095', 'DE'), (1, 'Lyon', '69001', 'FR'), (2, 'Torino', '10121', 'IT'), (3, 'Sevilla', '41001', 'ES'),
             (4, 'Bergen', '5003', 'NO'), (5, 'Graz', '8010', 'AT'), (6, 'Gent', '9000', 'BE')) as c (k, city, postcode, country)
  on c.k = p.n % 7;

insert into products (id, sku, name, description, category_id, supplier_id, price, cost, weight_grams, tags, attributes, status, created_at)
select n,
       upper(left(k.noun, 3)) || '-' || lpad(n::text, 4, '0'),
       a.adjective || ' ' || m.material || ' ' || k.noun,
       'This ' || lower(a.adjective) || ' ' || lower(k.noun) || ' is made of ' || lower(m.material) || ': ' || k.phrase || '.',
       k.category_id,
       1 + n % 6,
       round((k.base + n % 17 * 1.35 + m.extra)::numeric, 2),
       round(((k.base + n % 17 * 1.35 + m.extra) * 0.55)::numeric, 2),
       120 + n * 53 % 2400,
       array[lower(m.material), lower(split_part(k.noun, ' ', 1))] || case when n % 5 = 0 then array['gift'] else '{}'::text[] end,
       jsonb_build_object('material', lower(m.material), 'colour', a.colour, 'dimensions',
                          jsonb_build_object('width_cm', 8 + n % 40, 'height_cm', 5 + n * 3 % 60), 'handmade', n % 3 = 0),
       case when n % 29 = 0 then 'retired' when n % 31 = 0 then 'draft' else 'active' end::product_status,
       timestamptz '2025-02-01 08:00:00+00' + n * interval '1 day 3 hours'
from generate_series(1, 240) as n
join (values (0, 'Quiet', 'sand'), (1, 'Bold', 'crimson'), (2, 'Nordic', 'white'), (3, 'Rustic', 'umber'), (4, 'Slender', 'graphite'),
             (5, 'Everyday', 'sage'), (6, 'Heirloom', 'indigo'), (7, 'Compact', 'ochre')) as a (k, adjective, colour) on a.k = n % 8
join (values (0, 'Oak', 6.00), (1, 'Linen', 3.50), (2, 'Brass', 9.25), (3, 'Stoneware', 4.75), (4, 'Wool', 5.10),
             (5, 'Glass', 2.90), (6, 'Walnut', 11.40)) as m (k, material, extra) on m.k = n % 7
join (values (0, 'Table Lamp', 11, 39.00, 'for evenings that run long'), (1, 'Throw', 12, 45.00, 'warm without weight'),
             (2, 'Basket', 13, 19.50, 'for everything without a place'), (3, 'Saucepan', 21, 52.00, 'even heat to the rim'),
             (4, 'Bowl', 22, 12.80, 'the one you always reach for'), (5, 'Planter', 31, 16.40, 'drains well and ages better'),
             (6, 'Trowel', 32, 14.20, 'balanced in the hand'), (7, 'Pen Tray', 41, 18.00, 'keeps the desk calm'),
             (8, 'Pendant', 11, 68.00, 'light where the table is'), (9, 'Cushion', 12, 24.00, 'plump and washable'),
             (10, 'Carafe', 22, 21.60, 'pours without a drop')) as k (k, noun, category_id, base, phrase) on k.k = n % 11;
select setval('products_id_seq', 1000);

insert into stock_levels (warehouse_id, product_id, on_hand, reserved)
select w.id, p.id, p.id * 13 % 90 + w.id, p.id % 4
from products p
cross join warehouses w
where (p.id + w.id) % 4 <> 0 and p.id * 13 % 90 + w.id >= p.id % 4;

insert into stock_movements (warehouse_id, product_id, quantity, reason, moved_at)
select warehouse_id, product_id, on_hand, 'delivery', timestamptz '2025-06-01 06:00:00+00' + product_id * interval '17 minutes'
from stock_levels
where on_hand > 0;

insert into reviews (product_id, profile_id, stars, title, body, created_at)
select p.id, ('00000000-0000-4000-8000-' || lpad((7 + (p.id * 31 + r * 97) % 590)::text, 12, '0'))::uuid,
       5 - (p.id + r * r) % 4, t.title, t.body, p.created_at + r * interval '9 days 5 hours'
from products p
cross join generate_series(1, 5) as r
join (values (0, 'Exactly as pictured', 'Arrived well packed and looks better than the photograph.'),
             (1, 'Good, not perfect', 'Lovely material; the finish could be a little finer.'),
             (2, 'A present that was used at once', null),
             (3, 'Would buy again', 'We use it every day and it still looks new.')) as t (k, title, body) on t.k = (p.id + r) % 4
where (p.id + r) % 3 <> 0
on conflict do nothing;

insert into carts (id, profile_id, expires_at, created_at)
select ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid,
       ('00000000-0000-4000-8000-' || lpad((7 + n * 5)::text, 12, '0'))::uuid,
       timestamptz '2026-12-31 23:59:59+00', timestamptz '2026-01-02 10:00:00+00' + n * interval '3 hours'
from generate_series(1, 80) as n;

insert into cart_items (cart_id, product_id, quantity)
select c.id, p.id, 1 + p.id % 3
from (select id, row_number() over (order by id) as n from carts) as c
join active_products p on p.id % 61 = c.n % 61;

insert into orders (id, profile_id, address_id, status, shipping, placed_at, shipped_at)
select n, a.profile_id, a.id,
       case when n % 23 = 0 then 'cancelled' when n > 1450 then 'pending' when n > 1400 then 'paid'
            when n > 1300 then 'shipped' else 'delivered' end::order_status,
       case when n % 4 = 0 then 0 else 4.90 end,
       timestamptz '2025-03-01 07:30:00+00' + n * interval '5 hours 13 minutes',
       case when n <= 1400 and n % 23 <> 0 then timestamptz '2025-03-02 15:00:00+00' + n * interval '5 hours 13 minutes' end
from generate_series(1, 1500) as n
join (select id, profile_id, row_number() over (order by id) as k from addresses) as a on a.k = 1 + n * 7 % 600;
select setval('orders_id_seq', 10000);

insert into order_items (order_id, line, product_id, quantity, unit_price)
select o.id, l, p.id, 1 + (o.id + l) % 3, p.price
from orders o
cross join generate_series(1, 4) as l
join products p on p.id = 1 + (o.id * 17 + l * 41) % 240
where l <= 1 + o.id % 4;

insert into payments (order_id, provider, amount, state, reference, raw, created_at)
select t.order_id,
       case t.order_id % 3 when 0 then 'paypal' when 1 then 'card' else 'invoice' end,
       t.total,
       case when t.status = 'cancelled' then 'refunded' when t.status = 'pending' then 'authorised' else 'captured' end::payment_state,
       'PAY-' || t.order_id,
       jsonb_build_object('attempts', 1 + t.order_id % 2, 'country', 'DE'),
       t.placed_at + interval '2 minutes'
from order_totals t;

insert into refunds (payment_id, amount, reason)
select id, amount, 'order cancelled' from payments where state = 'refunded';

-- The suppliers have accounts too: they see what they deliver.
insert into profiles (id, email, display_name, kind, created_at)
select ('00000000-0000-4000-8000-' || lpad((600 + id)::text, 12, '0'))::uuid,
       'contact@supplier' || id || '.example.com', name, 'supplier', timestamptz '2025-01-06 09:00:00+00'
from suppliers;
update suppliers set profile_id = ('00000000-0000-4000-8000-' || lpad((600 + id)::text, 12, '0'))::uuid;
