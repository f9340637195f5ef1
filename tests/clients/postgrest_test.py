"""postgrest-py against a running Mainstay: the calls of its documentation."""

import asyncio
import os

from postgrest import AsyncPostgrestClient, SyncPostgrestClient
from postgrest.exceptions import APIError

URL = os.environ["MAINSTAY_URL"] + "/rest/v1"
KEY = os.environ["MAINSTAY_SERVICE_KEY"]
HEADERS = {"apikey": KEY, "Authorization": f"Bearer {KEY}"}


def check(got, expected):
    assert got == expected, f"{got!r} is not {expected!r}"


def sync_client():
    client = SyncPostgrestClient(URL, headers=HEADERS)
    author = client.from_("authors").insert({"name": "Octavia", "mood": "happy"}).execute().data[0]
    books = [
        {"author_id": author["id"], "title": "Kindred", "price": 8.5, "tags": ["history"], "published": "1979-06-01"},
        {"author_id": author["id"], "title": "Dawn", "price": 10, "meta": {"series": "Lilith's Brood"}},
    ]
    client.from_("books").insert(books, default_to_null=False).execute()
    rows = client.from_("authors").select("name,books(title,price)").eq("name", "Octavia").order("title", foreign_table="books").execute()
    check(rows.data, [{"name": "Octavia", "books": [{"title": "Dawn", "price": 10.0}, {"title": "Kindred", "price": 8.5}]}])
    counted = client.from_("books").select("title", count="exact").gt("price", 9).execute()
    check((counted.count, counted.data), (1, [{"title": "Dawn"}]))
    check(client.from_("books").select("title").contains("tags", ["history"]).single().execute().data, {"title": "Kindred"})
    check(client.from_("books").select("series:meta->>series").not_.is_("meta->>series", "null").execute().data, [{"series": "Lilith's Brood"}])
    check(client.from_("books").update({"price": 9}).eq("title", "Kindred").execute().data[0]["price"], 9.0)
    check(client.rpc("add", {"a": 40, "b": 2}).execute().data, 42)
    check(len(client.rpc("books_of", {"author": "Octavia"}).execute().data), 2)
    try:
        client.from_("authors").insert({"name": "Octavia"}).execute()
    except APIError as error:
        check(error.code, "23505")
    else:
        raise AssertionError("a duplicate was accepted")
    check(len(client.from_("books").delete().eq("author_id", author["id"]).execute().data), 2)


async def async_client():
    async with AsyncPostgrestClient(URL, headers=HEADERS) as client:
        names = await asyncio.gather(*(client.from_("labels").upsert({"id": n, "name": f"label {n}"}).execute() for n in range(20)))
        check(len(names), 20)
        rows = await client.from_("labels").select("id").gte("id", 10).order("id", desc=True).range(0, 4).execute()
        check([row["id"] for row in rows.data], [19, 18, 17, 16, 15])


sync_client()
asyncio.run(async_client())
