"""A whole installation for tests of the contact synchronisation: a Prosody database, a stand-in
Exchange over TLS, and imex between them.

    site = SyncSite(["alice", "bob"], dialect="folder", store=None)
    site.rosters.set("alice@im.example", "carol@im.example", name="Carol", groups=["Friends"])
    site.migrate("--all"); site.once()
    site.mailbox("alice")          {"carol@corp.example": ("Carol", {"Friends"})}
    site.roster("alice")           {"carol@im.example": ("Carol", {"Friends"})}
    site.mail_set("alice", "dave@corp.example", "Dave", {"Friends"}); site.mail_remove(...)
    site.close()

With tokens=True the two servers trust each other; otherwise imex signs in with a password. Users in
`absent` have a roster and no mailbox.

The IM domain is im.example, the mail side's corp.example. imexd refuses to be root, so that a test
that root runs starts it as user nobody.
"""
import json
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
from xml.sax.saxutils import escape

import devexchange
import prosodygen
from devexchange import NS, T

BUILD = os.environ.get("builddir", os.getcwd())
IM, MAIL = "im.example", "corp.example"
PASSWORD = "service"

CONFIG = """[imex]
store = %(store)s
state_dir = %(state)s
app_id = 2a1ab69e-5e9c-4a3b-9f6a-1f2d3c4b5a69
run_as = %(run_as)s
workers = %(workers)d
log_level = info
[domain im.example]
source = prosody
server = exchange
sip_domain = corp.example
[source prosody]
url = prosody+sqlite:///%(prosody)s
write = %(write)s
[users]
map = rule
rule = {local}@corp.example
[partner]
ca_file = %(ca)s
allow_loopback = yes
[server exchange]
url = %(ews)s
%(auth)sca_file = %(ca)s
allow_loopback = yes
dialect = %(dialect)s
max_connections = 8
max_requests_per_s = 10000
timeout = 20s
[uncertain]
settle = %(settle)s
[sync]
interval = 1s
max_delete_percent = 20
"""
BASIC = """auth = basic
user = service@corp.example
password_file = %s
"""
TOKEN = """auth = token
partner = exchange
"""


def demoted():
    """The user that imexd runs as, or None when this is not root."""
    return "nobody" if os.getuid() == 0 else None


class SyncSite:
    def __init__(self, users, dialect="folder", store=None, settle="0s", write="sql-offline", workers=2,
                 arguments=(), tokens=False, absent=()):
        if dialect == "grommunio":  # the folder dialect, in front of that server's habits
            dialect, arguments = "folder", ("--profile", "grommunio", *arguments)
        self.folder = tempfile.mkdtemp(prefix="imexsync")
        self.users, self.dialect = users, dialect
        self.state = os.path.join(self.folder, "state")
        os.mkdir(self.state, 0o700)
        self.prosody = os.path.join(self.folder, "prosody.sqlite")
        self.rosters = prosodygen.Database(self.prosody)
        self.rosters.create()
        for user in users:
            self.rosters.insert("prosody", ("host", "user", "store", "key", "type", "value"),
                                [(IM, user, "accounts", "stored_key", "string", "x")])
        boxes = [w for u in users if u not in absent for w in ("--mailbox", "%s@%s" % (u, MAIL))]
        self.dx = devexchange.Devexchange("--user", "service@%s:%s" % (MAIL, PASSWORD), "--impersonator",
                                          "service@" + MAIL, *boxes, *arguments,
                                          folder=os.path.join(self.folder, "dx") if not os.mkdir(
                                              os.path.join(self.folder, "dx")) else None)
        self.password = os.path.join(self.folder, "password")
        with open(self.password, "w") as f:
            f.write(PASSWORD + "\n")
        os.chmod(self.password, 0o600)
        self.store = store or "sqlite://%s/imex.db" % self.state
        self.config = os.path.join(self.folder, "imex.conf")
        self.values = dict(store=self.store, state=self.state, prosody=self.prosody[1:], write=write,
                           ews=self.dx.ews, ca=self.dx.ca, dialect=dialect,
                           auth=TOKEN if tokens else BASIC % self.password,
                           settle=settle, run_as=demoted() or "imex", workers=workers)
        self.give()
        self.check(self.imex("init", "--state-dir", self.state, "--store", self.store, "--domain", IM,
                             "--server", self.dx.ews, "--source", "prosody+sqlite://" + self.prosody))
        self.configure()
        if tokens:
            self.trust()

    def trust(self):
        """Both directions: devexchange learns our metadata, we learn devexchange's."""
        document = os.path.join(self.folder, "metadata.json")
        with open(document, "w") as f:
            f.write(self.check(self.imex("metadata", "print")))
        self.dx.control("POST", "partners", {"metadata": document})
        self.check(self.imex("partner", "add", "exchange", "--metadata", self.dx.ready["metadata"]))

    def configure(self, **changes):
        self.values.update(changes)
        with open(self.config, "w") as f:
            f.write(CONFIG % self.values)

    def give(self):
        """Everything belongs to whom the programs run as."""
        if demoted():
            user = pwd.getpwnam(demoted())
            for path, folders, files in os.walk(self.folder):
                for name in [path] + [os.path.join(path, n) for n in folders + files]:
                    os.chown(name, user.pw_uid, user.pw_gid)

    def popen(self, program, *words):
        return subprocess.Popen([os.path.join(BUILD, program), *words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=dict(os.environ, IMEX_CONFIG=self.config), user=demoted())

    def run(self, program, *words):
        process = self.popen(program, *words)
        out, err = process.communicate(timeout=600)
        for complaint in ("AddressSanitizer", "LeakSanitizer", "runtime error", "ThreadSanitizer"):
            assert complaint not in err, err
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def imex(self, *words):
        return self.run("imex", *words)

    def check(self, done, code=0):
        assert done.returncode == code, (done.args, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def allow(self, *users):
        for user in users or self.users:
            self.check(self.imex("policy", "set", "contacts", "allowed", "--user", "%s@%s" % (user, IM)))

    def migrate(self, *words, code=0):
        return self.check(self.imex("migrate", "--quiet", *words), code)

    def once(self, *words, code=0):
        return self.check(self.run("imexd", "--once", *words), code)

    def settle(self, passes=4):
        """Passes until one writes nothing."""
        for _ in range(passes):
            if "contacts: 0 changes written to mailboxes, 0 to the IM side" in self.once():
                return
        raise AssertionError("the two sides do not come to rest")

    # --- the IM side

    def roster(self, user):
        return {jid: (name or None, set(groups)) for jid, (name, groups) in self._roster(user).items()}

    def _roster(self, user):
        rows = self.rosters.rows("SELECT key, value FROM prosody WHERE host='%s' AND \"user\"='%s'"
                                 " AND store='roster' AND key <> ''" % (IM, user))
        found = {}
        for key, value in rows:
            item = json.loads(value)
            groups = item.get("groups") or {}
            found[key] = (item.get("name"), list(groups))
        return found

    # --- the mailbox, by raw EWS

    def soap(self, user, body):
        status, root = self.dx.soap(body, user="service@%s:%s" % (MAIL, PASSWORD),
                                    impersonate="%s@%s" % (user, MAIL), check=False)
        assert status == 200 and set(devexchange.codes(root)) <= {"NoError"}, devexchange.codes(root)
        return root

    def mailbox(self, user):
        items = self.items(user)
        found = {a: (n, g) for _, a, n, g in items}
        assert len(found) == len(items), "doubled: %s" % items
        return found

    def items(self, user):
        return self._ucs_items(user) if self.dialect == "ucs" else self._folder_items(user)

    def _ucs_items(self, user):
        root = self.soap(user, "<m:GetImItemList/>")
        groups = {}
        for group in root.iter("{%s}ImGroup" % T):
            if group.findtext("t:GroupType", namespaces=NS) != "IPM.DistList.MOC.UserGroup":
                continue
            name = group.findtext("t:DisplayName", namespaces=NS)
            for member in group.iterfind("t:MemberCorrelationKey/t:ItemId", namespaces=NS):
                groups.setdefault(member.get("Id"), set()).add(name)
        found = []
        for persona in root.iter("{%s}Persona" % T):
            address = persona.findtext("t:ImAddress", namespaces=NS)
            sources = [s.get("Id") for s in persona.iterfind("t:Attributions/t:Attribution/t:SourceId", NS)]
            mine = set().union(*[groups.get(s, set()) for s in sources])
            name = persona.findtext("t:DisplayName", namespaces=NS)
            found.append((sources[0], address.replace("sip:", ""), name, mine))
        return found

    def group_names(self, user):
        root = self.soap(user, "<m:GetImItemList/>")
        return {g.find("t:ExchangeStoreId", NS).get("Id"): g.findtext("t:DisplayName", namespaces=NS)
                for g in root.iter("{%s}ImGroup" % T)
                if g.findtext("t:GroupType", namespaces=NS) == "IPM.DistList.MOC.UserGroup"}

    def _folder_items(self, user):
        found, offset = [], 0
        while True:
            root = self.soap(user, '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>'
                             '</m:ItemShape><m:IndexedPageItemView MaxEntriesReturned="500" Offset="%d"'
                             ' BasePoint="Beginning"/><m:ParentFolderIds><t:DistinguishedFolderId Id="contacts"/>'
                             "</m:ParentFolderIds></m:FindItem>" % offset)
            ids = [i.get("Id") for i in root.iter("{%s}ItemId" % T)]
            for at in range(0, len(ids), 100):
                found += self._get(user, ids[at:at + 100])
            offset += len(ids)
            folder = root.find(".//m:RootFolder", NS)
            if folder.get("IncludesLastItemInRange") == "true" or not ids:
                return found

    def _get(self, user, ids):
        root = self.soap(user, '<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape><t:AdditionalProperties>'
                         '<t:FieldURI FieldURI="item:Categories"/><t:FieldURI FieldURI="contacts:DisplayName"/>'
                         '<t:IndexedFieldURI FieldURI="contacts:ImAddress" FieldIndex="ImAddress1"/>'
                         "</t:AdditionalProperties></m:ItemShape><m:ItemIds>%s</m:ItemIds></m:GetItem>"
                         % "".join('<t:ItemId Id="%s"/>' % i for i in ids))
        found = []
        for contact in root.iter("{%s}Contact" % T):
            address = contact.findtext("t:ImAddresses/t:Entry", namespaces=NS)
            if address is None:
                continue
            name = contact.findtext("t:DisplayName", namespaces=NS)
            groups = {g.text for g in contact.iterfind("t:Categories/t:String", NS)}
            found.append((contact.find("t:ItemId", NS).get("Id"), address.replace("sip:", ""), name, groups))
        return found

    def item_of(self, user, address):
        return next(i for i in self.items(user) if i[1] == address)

    def mail_add(self, user, address, name, groups=()):
        if self.dialect == "ucs":
            return self._ucs_add(user, address, name, groups)
        categories = "".join("<t:String>%s</t:String>" % escape(g) for g in groups)
        return self.soap(user, '<m:CreateItem><m:SavedItemFolderId><t:DistinguishedFolderId Id="contacts"/>'
                         "</m:SavedItemFolderId><m:Items><t:Contact>%s<t:DisplayName>%s</t:DisplayName><t:ImAddresses>"
                         '<t:Entry Key="ImAddress1">sip:%s</t:Entry></t:ImAddresses></t:Contact></m:Items></m:CreateItem>'
                         % ("<t:Categories>%s</t:Categories>" % categories if groups else "", escape(name), address))

    def _ucs_add(self, user, address, name, groups):
        ids = {n: i for i, n in self.group_names(user).items()}
        for group in groups:
            if group not in ids:
                self.soap(user, "<m:AddImGroup><m:DisplayName>%s</m:DisplayName></m:AddImGroup>" % escape(group))
                ids = {n: i for i, n in self.group_names(user).items()}
        first = '<m:GroupId Id="%s"/>' % ids[groups[0]] if groups else ""
        self.soap(user, "<m:AddNewImContactToGroup><m:ImAddress>%s</m:ImAddress><m:DisplayName>%s</m:DisplayName>%s"
                  "</m:AddNewImContactToGroup>" % (address, escape(name), first))
        for group in groups[1:]:
            self.soap(user, '<m:AddImContactToGroup><m:ContactId Id="%s"/><m:GroupId Id="%s"/></m:AddImContactToGroup>'
                      % (self.item_of(user, address)[0], ids[group]))

    def mail_remove(self, user, address):
        item = self.item_of(user, address)[0]
        if self.dialect == "ucs":
            return self.soap(user, '<m:RemoveContactFromImList><m:ContactId Id="%s"/></m:RemoveContactFromImList>' % item)
        return self.soap(user, '<m:DeleteItem DeleteType="MoveToDeletedItems"><m:ItemIds><t:ItemId Id="%s"/></m:ItemIds>'
                         "</m:DeleteItem>" % item)

    def _update(self, user, address, uri, change):
        root = self.soap(user, '<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds>'
                         '<t:ItemId Id="%s"/></m:ItemIds></m:GetItem>' % self.item_of(user, address)[0])
        item = next(root.iter("{%s}ItemId" % T))
        field = '<t:FieldURI FieldURI="%s"/>' % uri
        body = ("<t:SetItemField>%s<t:Contact>%s</t:Contact></t:SetItemField>" % (field, change) if change
                else "<t:DeleteItemField>%s</t:DeleteItemField>" % field)
        self.soap(user, '<m:UpdateItem ConflictResolution="AutoResolve"><m:ItemChanges><t:ItemChange>'
                  '<t:ItemId Id="%s" ChangeKey="%s"/><t:Updates>%s</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>'
                  % (item.get("Id"), item.get("ChangeKey"), body))

    def mail_rename(self, user, address, name):
        self._update(user, address, "contacts:DisplayName", "<t:DisplayName>%s</t:DisplayName>" % escape(name))

    def mail_regroup(self, user, address, groups):
        """Folder dialect: the categories."""
        strings = "".join("<t:String>%s</t:String>" % escape(g) for g in groups)
        self._update(user, address, "item:Categories", "<t:Categories>%s</t:Categories>" % strings if groups else "")

    def mail_join(self, user, item, group):
        """Dialect ucs: into a group, which is made when there is none."""
        ids = {n: i for i, n in self.group_names(user).items()}
        if group not in ids:
            self.soap(user, "<m:AddImGroup><m:DisplayName>%s</m:DisplayName></m:AddImGroup>" % escape(group))
            ids = {n: i for i, n in self.group_names(user).items()}
        self.soap(user, '<m:AddImContactToGroup><m:ContactId Id="%s"/><m:GroupId Id="%s"/></m:AddImContactToGroup>'
                  % (item, ids[group]))

    def mail_leave(self, user, item, group):
        """Dialect ucs: out of a group; whose last group it is stays in the list without one."""
        ids = {n: i for i, n in self.group_names(user).items()}
        mine = next(i for i in self.items(user) if i[0] == item)[3]
        if mine == {group}:
            self.soap(user, '<m:AddImContactToGroup><m:ContactId Id="%s"/></m:AddImContactToGroup>' % item)
        self.soap(user, '<m:RemoveImContactFromGroup><m:ContactId Id="%s"/><m:GroupId Id="%s"/></m:RemoveImContactFromGroup>'
                  % (item, ids[group]))

    def mail_rename_group(self, user, old, new):
        ident = next(i for i, n in self.group_names(user).items() if n == old)
        self.soap(user, '<m:SetImGroup><m:GroupId Id="%s"/><m:NewDisplayName>%s</m:NewDisplayName></m:SetImGroup>'
                  % (ident, escape(new)))

    # --- both

    def mail_address(self, jid):
        return jid.replace("@" + IM, "@" + MAIL)

    def assert_same(self, user):
        wanted = {self.mail_address(jid): entry for jid, entry in self.roster(user).items()}
        got = self.mailbox(user)
        assert {a: g for a, (_, g) in wanted.items()} == {a: g for a, (_, g) in got.items()}, (user, wanted, got)
        for address, (name, _) in wanted.items():
            assert name is None or got[address][0] == name, (user, address, name, got[address])

    def sql(self, statement):
        """The rows that a query gives, behind imex's back; from PostgreSQL integers and texts."""
        if not self.store.startswith("sqlite"):
            return self._psql(statement)
        database = sqlite3.connect(os.path.join(self.state, "imex.db"))
        try:
            with database:
                return database.execute(statement).fetchall()
        finally:
            database.close()

    def _psql(self, statement):
        out = subprocess.run(["psql", "-qXAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", self.store, "-c", statement],
                             check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
        return [tuple(int(v) if v.lstrip("-").isdigit() else v for v in line.split("\t"))
                for line in out.splitlines()]

    def close(self):
        self.__exit__(None)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        try:
            if exc[0] is None:
                self.dx.close()
        finally:
            self.dx.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
