// supabase-js against a running Mainstay: the everyday calls of its documentation.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@supabase/supabase-js'

const { MAINSTAY_URL: url, MAINSTAY_ANON_KEY: anon, MAINSTAY_SERVICE_KEY: service } = process.env
// Realtime is not used here, and Node 20 has no WebSocket of its own: a stand-in keeps the client from asking for one.
const realtime = { transport: class {} }
const options = { auth: { persistSession: false, autoRefreshToken: false }, realtime }
const client = createClient(url, anon, options)
const admin = createClient(url, service, options)

const must = ({ data, error, status }) => {
  assert.equal(error, null, JSON.stringify(error) + ' ' + status)
  return data
}

test('inserts, embeds and filters', async () => {
  const [ursula, stanislaw] = must(await client.from('authors').insert([{ name: 'Ursula' }, { name: 'Stanisław', mood: 'happy' }], { defaultToNull: false }).select())
  assert.deepEqual([ursula.mood, stanislaw.mood], ['ok', 'happy'])
  const books = must(
    await client
      .from('books')
      .insert([
        { author_id: ursula.id, title: 'The Dispossessed', price: 12.5, tags: ['utopia', 'classic'], meta: { pages: 341 }, published: '1974-05-01' },
        { author_id: ursula.id, title: 'The Lathe of Heaven', price: 9.9, published: '1971-01-01' },
        { author_id: stanislaw.id, title: 'Solaris', price: 11, tags: ['classic'], meta: { pages: 204, film: true }, published: '1961-06-01' },
      ], { defaultToNull: false })
      .select('id, title, authors(name)')
  )
  assert.deepEqual(books.map((book) => [book.title, book.authors.name]), [
    ['The Dispossessed', 'Ursula'],
    ['The Lathe of Heaven', 'Ursula'],
    ['Solaris', 'Stanisław'],
  ])
  const nested = must(await client.from('authors').select('name, books(title, price)').order('name').order('price', { referencedTable: 'books' }))
  assert.deepEqual(nested, [
    { name: 'Stanisław', books: [{ title: 'Solaris', price: 11 }] },
    { name: 'Ursula', books: [{ title: 'The Lathe of Heaven', price: 9.9 }, { title: 'The Dispossessed', price: 12.5 }] },
  ])
  assert.equal(must(await client.from('books').select('title').contains('tags', ['classic'])).length, 2)
  assert.equal(must(await client.from('books').select('title').contains('meta', { film: true }))[0].title, 'Solaris')
  assert.deepEqual(must(await client.from('books').select('title, pages:meta->pages').eq('meta->>pages', '341')), [{ title: 'The Dispossessed', pages: 341 }])
  assert.equal(must(await client.from('books').select('title').or('price.lt.10,title.eq.Solaris')).length, 2)
  assert.equal(must(await client.from('books').select('title').in('title', ['Solaris', 'x,"y']))[0].title, 'Solaris')
  assert.equal(must(await client.from('books').select('title').ilike('title', '%heaven')).length, 1)
  assert.equal(must(await client.from('books').select('title').not('published', 'is', null).gte('published', '1970-01-01')).length, 2)
  assert.equal(must(await client.from('books').select('title, authors!inner(name)').eq('authors.name', 'Stanisław')).length, 1)
  const page = await client.from('books').select('title', { count: 'exact' }).order('title').range(1, 2)
  assert.deepEqual([must(page).map((book) => book.title), page.count], [['The Dispossessed', 'The Lathe of Heaven'], 3])
  const one = must(await client.from('books').select('title').eq('title', 'Solaris').single())
  assert.equal(one.title, 'Solaris')
  assert.equal(must(await client.from('books').select().eq('title', 'nothing').maybeSingle()), null)
  const { error } = await client.from('books').select().single()
  assert.equal(error.code, 'PGRST116')
  assert.match(must(await client.from('books').select('title').csv()), /^title\n/)
})

test('many to many, updates, upserts, deletes', async () => {
  must(await admin.from('labels').upsert([{ id: 1, name: 'sf' }, { id: 2, name: 'used' }]))
  const [book] = must(await admin.from('books').select('id').eq('title', 'Solaris'))
  must(await admin.from('book_labels').insert([{ book_id: book.id, label_id: 1 }, { book_id: book.id, label_id: 2 }]))
  assert.deepEqual(must(await client.from('books').select('title, labels(name)').eq('id', book.id)), [
    { title: 'Solaris', labels: [{ name: 'sf' }, { name: 'used' }] },
  ])
  assert.deepEqual(must(await admin.from('labels').upsert({ id: 2, name: 'second hand' }).select()), [{ id: 2, name: 'second hand' }])
  assert.deepEqual(must(await admin.from('labels').upsert({ id: 2, name: 'ignored' }, { ignoreDuplicates: true }).select()), [])
  assert.deepEqual(must(await admin.from('books').update({ price: 13.37 }).eq('id', book.id).select('price').single()), { price: 13.37 })
  assert.deepEqual(must(await admin.from('book_labels').delete().eq('label_id', 2).select()), [{ book_id: book.id, label_id: 2 }])
})

test('functions', async () => {
  assert.equal(must(await client.rpc('add', { a: 2, b: 3 })), 5)
  assert.equal(must(await client.rpc('add', { a: 2, b: 3 }, { get: true })), 5)
  assert.deepEqual(must(await client.rpc('books_of', { author: 'Stanisław' }).select('title')), [{ title: 'Solaris' }])
})

test('errors say what PostgreSQL says', async () => {
  const duplicate = await client.from('authors').insert({ name: 'Ursula' })
  assert.deepEqual([duplicate.status, duplicate.error.code, duplicate.error.details], [409, '23505', 'Key (name)=(Ursula) already exists.'])
  assert.match(duplicate.error.message, /duplicate key value violates unique constraint "authors_name_key"/)
  const orphan = await client.from('books').insert({ author_id: 99, title: 'x' })
  assert.deepEqual([orphan.status, orphan.error.code, orphan.error.details], [409, '23503', 'Key (author_id)=(99) is not present in table "authors".'])
  const mood = await client.from('authors').insert({ name: 'x', mood: 'angry' })
  assert.deepEqual([mood.status, mood.error.code, mood.error.message], [400, '22P02', 'invalid input value for enum mood: "angry"'])
  const misspelt = await client.from('boks').select()
  assert.deepEqual([misspelt.status, misspelt.error.code, misspelt.error.hint], [404, 'PGRST205', "Perhaps you meant the table 'public.books'"])
  const column = await client.from('books').select('titel')
  assert.deepEqual([column.status, column.error.code, column.error.message], [400, '42703', 'column books.titel does not exist'])
  const stranger = createClient(url, anon.slice(0, -3) + 'xyz', options)
  assert.equal((await stranger.from('books').select()).status, 401)
})
