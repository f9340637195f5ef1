-- Runs once, after the migrations, when `mainstay dev` makes its data directory.
insert into lists (id, name) values (1, 'Groceries'), (2, 'Before the trip');
select setval('lists_id_seq', 2);

insert into tasks (list_id, title, done, due) values
  (1, 'Bread', true, null),
  (1, 'Coffee beans', false, null),
  (2, 'Water the plants', false, current_date + 1),
  (2, 'Print the tickets', false, current_date + 2);
