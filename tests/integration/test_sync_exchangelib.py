"""A client that was written elsewhere edits the list that imex keeps: exchangelib reads the contacts that
dialect folder wrote, changes them, adds one and deletes one; the next pass carries that to the IM side."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests", "lib"))

import tap
from syncsite import MAIL, SyncSite

ALICE = "alice@im.example"


def account(site, smtp):
    """exchangelib reads the certificate authority from the environment when it is imported."""
    os.environ["REQUESTS_CA_BUNDLE"] = site.dx.ca
    from exchangelib import Account, Build, Configuration, Contact, Credentials, DELEGATE, ExtendedProperty, Version

    class ImAddress(ExtendedProperty):
        """PidLidInstantMessagingAddress: exchangelib has no field of its own that works."""
        distinguished_property_set_id, property_id, property_type = "Address", 0x8062, "String"

    if "im" not in Contact.FIELDS:
        Contact.register("im", ImAddress)
    config = Configuration(service_endpoint=site.dx.ews, credentials=Credentials(smtp, "secret"), auth_type="basic",
                           version=Version(Build(15, 1, 2507, 6)))
    return Account(smtp, config=config, autodiscover=False, access_type=DELEGATE)


@tap.test("exchangelib reads what imex wrote and edits it; the next pass carries the edits to the IM side")
def _():
    with SyncSite(["alice"], absent=["alice"], arguments=("--user", "alice@%s:secret" % MAIL)) as site:
        site.rosters.set(ALICE, "carol@im.example", name="Carol & Söhne <x>", groups=["Friends", "Work"])
        site.rosters.set(ALICE, "dave@im.example", name="Dave", groups=["Work"])
        site.rosters.set(ALICE, "eve@im.example", name="Eve")
        site.allow()
        site.migrate("--all")
        alice = account(site, "alice@" + MAIL)
        from_mail = {c.im.removeprefix("sip:"): c for c in alice.contacts.all()}
        carol, dave, eve = (from_mail[n + "@" + MAIL] for n in ("carol", "dave", "eve"))
        assert (carol.display_name, carol.file_as, set(carol.categories)) == (
            "Carol & Söhne <x>", "Carol & Söhne <x>", {"Friends", "Work"}), carol
        carol.display_name, carol.categories = "Caroline 👍", ["Friends", "Chöre"]
        carol.save(update_fields=["display_name", "categories"])
        eve.categories = ["Work"]
        eve.job_title = "Engineer"
        eve.save(update_fields=["categories", "job_title"])
        dave.delete()
        from exchangelib import Contact
        Contact(account=alice, folder=alice.contacts, display_name="Zoë", categories=["New"], im="sip:Zoe@" + MAIL.upper()).save()
        site.once()
        site.settle()
        assert site.roster("alice") == {
            "carol@im.example": ("Caroline 👍", {"Friends", "Chöre"}), "eve@im.example": ("Eve", {"Work"}),
            "zoe@im.example": ("Zoë", {"New"})}, site.roster("alice")
        # An edit of ours leaves what else a user keeps with the contact.
        site.rosters.set(ALICE, "eve@im.example", name="Evelyn", groups=["Work"])
        site.once()
        again = [c for c in alice.contacts.all() if c.job_title == "Engineer"]
        assert [c.display_name for c in again] == ["Evelyn"], again


tap.main()
