#!/usr/bin/python3
"""What the stand-in Exchange stores: every field of a contact that the schema has, every type of extended
property by each of its names, every default folder, and what restrictions, sorting and pages make of them.
The lists come out of the shared schema, so that nothing is left out by forgetting it here too."""
import base64
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests", "lib"))

import tap
from devexchange import NS, T, Devexchange, codes

ANN = "ann@corp.example:secret"
DX = Devexchange("--user", ANN)
XS = "{http://www.w3.org/2001/XMLSchema}"

# Fields that a server makes or takes from the directory; setting them is refused.
MADE_BY_SERVER = set("""CompleteName ContactSource HasPicture PhoneticFullName PhoneticFirstName PhoneticLastName
    Alias Notes Photo UserSMIMECertificate MSExchangeCertificate DirectoryId ManagerMailbox DirectReports
    PersonId""".split())
# Default folders that a mailbox of this server does not have.
NOT_THERE = set("""publicfoldersroot voicemail adminauditlogs todosearch mycontacts directory peopleconnect favorites
    mecontact personmetadata""".split())

VALUES = {"string": "text <&> ж", "dateTime": "1931-02-03T04:05:06Z", "boolean": "true", "int": "-7",
          "long": "9007199254740993", "anyURI": "https://a.example/?b=c&d", "GuidType":
          "c11ff724-aa03-4555-9952-8fa248a11c3e", "FileAsMappingType": "FirstSpaceLast",
          "PhysicalAddressIndexType": "Home"}


def types():
    from lxml import etree
    shared = tap.shared_data()
    if shared is None:
        tap.skip("no shared schema")
    return etree.parse(os.path.join(shared, "ews-schema", "types.xsd"))


def fields(xsd, name):
    """(element, type without prefix) in the order of the schema."""
    found = xsd.find(".//%scomplexType[@name='%s']" % (XS, name))
    return [(e.get("name"), e.get("type").rpartition(":")[2]) for e in found.iter(XS + "element")]


def words(xsd, name):
    return [e.get("value") for e in xsd.find(".//%ssimpleType[@name='%s']" % (XS, name)).iter(XS + "enumeration")]


def ok(body):
    status, root = DX.soap(body, user=ANN)
    assert status == 200 and set(codes(root)) == {"NoError"}, (status, codes(root), body[:300])
    return root


def code(body):
    return codes(DX.soap(body, user=ANN)[1])[0]


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


def value_of(xsd, kind):
    """An element's content for a type of the schema."""
    if kind in VALUES:
        return escaped(VALUES[kind])
    if kind == "ArrayOfStringsType":
        return "<t:String>one</t:String><t:String>two &lt;</t:String>"
    if kind == "PhysicalAddressDictionaryType":
        return "".join('<t:Entry Key="%s">%s</t:Entry>' % (key, "".join(
            "<t:%s>%s %s</t:%s>" % (part, key, part, part)
            for part in ("Street", "City", "State", "CountryOrRegion", "PostalCode")))
            for key in words(xsd, "PhysicalAddressKeyType"))
    if kind in ("PhoneNumberDictionaryType", "ImAddressDictionaryType"):
        keys = words(xsd, kind.replace("DictionaryType", "KeyType"))
        return "".join('<t:Entry Key="%s">value of %s</t:Entry>' % (key, key) for key in keys)
    if kind == "EmailAddressDictionaryType":
        return "".join('<t:Entry Key="%s" Name="Name %s" RoutingType="SMTP" MailboxType="Contact">%s@x.y</t:Entry>'
                       % (key, key, key) for key in words(xsd, "EmailAddressKeyType"))
    if kind == "ContactUrlDictionaryType":
        return "".join("<t:Url><t:Type>%s</t:Type><t:Address>http://x/?a&amp;b</t:Address></t:Url>" % word
                       for word in words(xsd, "ContactUrlKeyType")[:2])
    if kind == "AbchEmailAddressDictionaryType":
        return ("<t:Email><t:Type>%s</t:Type><t:Address>a@b.c</t:Address><t:Capabilities>3</t:Capabilities></t:Email>"
                % words(xsd, "AbchEmailAddressTypeType")[0])
    return None


def create(inside, element="Contact"):
    found = ok("<m:CreateItem MessageDisposition=\"SaveOnly\"><m:Items><t:%s>%s</t:%s></m:Items></m:CreateItem>"
               % (element, inside, element))
    return found.find(".//t:ItemId", NS).get("Id")


def get(item, paths=""):
    more = "<t:AdditionalProperties>%s</t:AdditionalProperties>" % paths if paths else ""
    root = ok("<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape>%s</m:ItemShape><m:ItemIds>"
              '<t:ItemId Id="%s"/></m:ItemIds></m:GetItem>' % (more, item))
    return root.find(".//m:Items", NS)[0]


def plain(element):
    """An element as (attributes, text, children), whatever its prefixes and the order of entries with keys."""
    children = [plain(c) for c in element]
    if element.find("*[@Key]") is not None:
        children.sort()
    return (sorted(element.attrib.items()), (element.text or "").strip(), children)


@tap.test("every field of a contact in the schema is stored and read back, in the schema's order")
def _():
    from lxml import etree
    xsd = types()
    inside, kept = "", []
    for name, kind in fields(xsd, "ContactItemType"):
        if name in MADE_BY_SERVER:
            continue
        content = value_of(xsd, kind)
        assert content is not None, "no value for %s of type %s" % (name, kind)
        inside += "<t:%s>%s</t:%s>" % (name, content, name)
        kept.append(name)
    assert len(kept) > 60, len(kept)
    sent = etree.fromstring('<c xmlns:t="%s">%s</c>' % (T, inside))
    found = get(create(inside))
    for element in sent:
        back = found.find(element.tag)
        assert back is not None, element.tag
        assert plain(back) == plain(element), (element.tag, plain(element), plain(back))
    order = [etree.QName(e).localname for e in found if etree.QName(e).localname in kept]
    assert order == kept, (order, kept)


@tap.test("fields that a server makes itself cannot be set, and the rest can each be set, changed and deleted")
def _():
    xsd = types()
    item, refused, changed = create("<t:DisplayName>x</t:DisplayName>"), set(), 0
    for name, kind in fields(xsd, "ContactItemType"):
        uri = "contacts:" + name.replace("MobileIm", "MobileIM")
        content = value_of(xsd, kind) or {"ContactSourceType": "Store"}.get(kind, "")
        if uri not in words(xsd, "UnindexedFieldURIType"):
            continue
        done = code(update(item, '<t:SetItemField><t:FieldURI FieldURI="%s"/><t:Contact><t:%s>%s</t:%s></t:Contact>'
                                 "</t:SetItemField>" % (uri, name, content, name)))
        if name in MADE_BY_SERVER:
            assert done != "NoError", name
            refused.add(name)
            continue
        if kind in ("EmailAddressDictionaryType", "PhysicalAddressDictionaryType", "PhoneNumberDictionaryType",
                    "ImAddressDictionaryType"):
            assert done == "ErrorInvalidPropertySet", (name, done)  # entry by entry: see below
            continue
        assert done == "NoError", (name, done)
        assert get(item).find("t:" + name, NS) is not None, name
        changed += 1
        assert code(update(item, '<t:DeleteItemField><t:FieldURI FieldURI="%s"/></t:DeleteItemField>' % uri)) == "NoError"
        if name not in ("FileAs", "FileAsMapping"):
            assert get(item).find("t:" + name, NS) is None, name
    assert changed > 55 and len(refused) > 10, (changed, refused)


def update(item, change):
    return ('<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="%s"/>'
            "<t:Updates>%s</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>" % (item, change))


@tap.test("each entry of each dictionary of a contact is set and deleted by itself")
def _():
    xsd = types()
    item, uris = create("<t:DisplayName>x</t:DisplayName>"), []
    for uri, element, keys in (("contacts:EmailAddress", "EmailAddresses", "EmailAddressKeyType"),
                               ("contacts:PhoneNumber", "PhoneNumbers", "PhoneNumberKeyType"),
                               ("contacts:ImAddress", "ImAddresses", "ImAddressKeyType")):
        uris += [(uri, key, '<t:%s><t:Entry Key="%s">v-%s</t:Entry></t:%s>' % (element, key, key, element))
                 for key in words(xsd, keys)]
    for part in ("Street", "City", "State", "CountryOrRegion", "PostalCode"):
        uris += [("contacts:PhysicalAddress:" + part, key,
                  '<t:PhysicalAddresses><t:Entry Key="%s"><t:%s>v-%s</t:%s></t:Entry></t:PhysicalAddresses>'
                  % (key, part, key, part)) for key in words(xsd, "PhysicalAddressKeyType")]
    for uri, key, value in uris:
        path = '<t:IndexedFieldURI FieldURI="%s" FieldIndex="%s"/>' % (uri, key)
        ok(update(item, "<t:SetItemField>%s<t:Contact>%s</t:Contact></t:SetItemField>" % (path, value)))
    texts = [e.text for e in get(item).iterfind(".//*", NS) if (e.text or "").startswith("v-")]
    assert len(texts) == len(uris) == 44, (len(texts), len(uris))
    for uri, key, _ in uris:
        ok(update(item, '<t:DeleteItemField><t:IndexedFieldURI FieldURI="%s" FieldIndex="%s"/></t:DeleteItemField>'
                        % (uri, key)))
    left = get(item)
    assert not [e.tag for e in left if e.tag.endswith("Addresses") or e.tag.endswith("PhoneNumbers")], left


SCALARS = {"ApplicationTime": "1.5", "Binary": base64.b64encode(bytes(range(40))).decode(), "Boolean": "true",
           "CLSID": "c11ff724-aa03-4555-9952-8fa248a11c3e", "Currency": "-12345678901", "Double": "2.25",
           "Float": "0.5", "Integer": "-2147483648", "Long": "9223372036854775807", "Short": "-32768",
           "String": "tab\there <&> 😀", "SystemTime": "2026-02-28T23:59:59Z"}
NO_VALUES = {"Error", "Null", "Object"}
WRONG = {"Boolean": "yes", "Binary": "!", "CLSID": "x", "Double": "one", "Integer": "2147483648", "Short": "70000",
         "Long": "1.0", "SystemTime": "yesterday", "Float": ""}


def path(name, kind):
    """One extended property, by each of the ways to name it."""
    number = 0x6800 + sum(kind.encode()) % 0x700
    return {"tag": 'PropertyTag="0x%04X"' % number,
            "set and id": 'DistinguishedPropertySetId="Common" PropertyId="%d"' % (0xA000 + number),
            "set and name": 'DistinguishedPropertySetId="PublicStrings" PropertyName="n %s"' % kind,
            "GUID and id": 'PropertySetId="%s" PropertyId="%d"' % (SCALARS["CLSID"], number),
            "GUID and name": 'PropertySetId="%s" PropertyName="n %s"' % (SCALARS["CLSID"], kind)}[name]


@tap.test("extended properties of every type, by tag, by set and id or name, by GUID and id or name")
def _():
    kinds = words(types(), "MapiPropertyTypeType")
    assert set(kinds) == set(SCALARS) | NO_VALUES | {k + "Array" for k in SCALARS if k != "Boolean"} | {"ObjectArray"}
    for name in ("tag", "set and id", "set and name", "GUID and id", "GUID and name"):
        inside, paths, wanted = "", "", []
        for kind in kinds:
            base = kind.replace("Array", "")
            if base in NO_VALUES:
                continue
            uri = '<t:ExtendedFieldURI %s PropertyType="%s"/>' % (path(name, kind), kind)
            one = "<t:Value>%s</t:Value>" % escaped(SCALARS[base])
            inside += "<t:ExtendedProperty>%s%s</t:ExtendedProperty>" % (
                uri, "<t:Values>%s%s</t:Values>" % (one, one) if kind.endswith("Array") else one)
            paths += uri
            wanted.append((kind, [SCALARS[base]] * (2 if kind.endswith("Array") else 1)))
        item = get(create(inside + "<t:DisplayName>x</t:DisplayName>"), paths)
        found = [(e.find("t:ExtendedFieldURI", NS).get("PropertyType"), [v.text for v in e.iterfind(".//t:Value", NS)])
                 for e in item.iterfind("t:ExtendedProperty", NS)]
        assert found == wanted, (name, found, wanted)


@tap.test("a value that does not fit its type, or a path that names nothing, is refused")
def _():
    for kind, value in WRONG.items():
        inside = ('<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x6801" PropertyType="%s"/><t:Value>%s</t:Value>'
                  "</t:ExtendedProperty>" % (kind, value))
        assert code("<m:CreateItem><m:Items><t:Contact>%s</t:Contact></m:Items></m:CreateItem>" % inside) \
            == "ErrorInvalidExtendedPropertyValue", kind
    for attributes in ('PropertyTag="0x8001"', 'PropertyId="5"', 'PropertyTag="0x6801" PropertyName="x"',
                       'PropertySetId="%s"' % SCALARS["CLSID"],
                       'DistinguishedPropertySetId="Common" PropertyName="x" PropertyId="5"'):
        inside = ('<t:ExtendedProperty><t:ExtendedFieldURI %s PropertyType="String"/><t:Value>x</t:Value>'
                  "</t:ExtendedProperty>" % attributes)
        assert code("<m:CreateItem><m:Items><t:Contact>%s</t:Contact></m:Items></m:CreateItem>" % inside) \
            == "ErrorInvalidExtendedProperty", attributes


@tap.test("every default folder of the schema is there, or is not found by that code")
def _():
    names = words(types(), "DistinguishedFolderIdNameType")
    there = set()
    for name in names:
        done = code("<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape><m:FolderIds>"
                    '<t:DistinguishedFolderId Id="%s"/></m:FolderIds></m:GetFolder>' % name)
        assert done in ("NoError", "ErrorFolderNotFound"), (name, done)
        there |= {name} if done == "NoError" else set()
    assert there == set(names) - NOT_THERE, there ^ (set(names) - NOT_THERE)


# --- finding

NUMBER = '<t:ExtendedFieldURI PropertyTag="0x6810" PropertyType="Integer"/>'
FLAGS = '<t:ExtendedFieldURI PropertyTag="0x6811" PropertyType="Integer"/>'
NAME = '<t:FieldURI FieldURI="contacts:DisplayName"/>'
CATEGORIES = '<t:FieldURI FieldURI="item:Categories"/>'


def folder_of_people():
    folder = ok("<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id=\"contacts\"/></m:ParentFolderId>"
                "<m:Folders><t:ContactsFolder><t:DisplayName>People</t:DisplayName></t:ContactsFolder></m:Folders>"
                "</m:CreateFolder>").find(".//t:FolderId", NS).get("Id")
    people = (("Ärla", 1, 3, "red"), ("bob", 2, 4, "green blue"), ("Bobby", 10, 1, ""), ("Carol\nB", 3, None, "blue"))
    for name, number, flags, categories in people:
        inside = "".join("<t:String>%s</t:String>" % c for c in categories.split())
        inside = "<t:Categories>%s</t:Categories>" % inside if inside else ""
        for uri, value in ((NUMBER, number), (FLAGS, flags)):
            if value is not None:
                inside += "<t:ExtendedProperty>%s<t:Value>%d</t:Value></t:ExtendedProperty>" % (uri, value)
        ok('<m:CreateItem><m:SavedItemFolderId><t:FolderId Id="%s"/></m:SavedItemFolderId><m:Items><t:Contact>%s'
           "<t:DisplayName>%s</t:DisplayName></t:Contact></m:Items></m:CreateItem>" % (folder, inside, name))
    return folder


def find(folder, restriction="", sort="", view=""):
    """The display names found, and the RootFolder's attributes."""
    restriction = "<m:Restriction>%s</m:Restriction>" % restriction if restriction else ""
    sort = "<m:SortOrder>%s</m:SortOrder>" % sort if sort else ""
    root = ok('<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>'
              '%s</t:AdditionalProperties></m:ItemShape>%s%s%s<m:ParentFolderIds><t:FolderId Id="%s"/>'
              "</m:ParentFolderIds></m:FindItem>" % (NAME, view, restriction, sort, folder))
    return [e.text for e in root.iterfind(".//t:DisplayName", NS)], root.find(".//m:RootFolder", NS).attrib


def compare(operator, uri, value):
    return '<t:%s>%s<t:FieldURIOrConstant><t:Constant Value="%s"/></t:FieldURIOrConstant></t:%s>' % (
        operator, uri, value, operator)


def contains(uri, value, mode="Substring", comparison="IgnoreCase"):
    return '<t:Contains ContainmentMode="%s" ContainmentComparison="%s">%s<t:Constant Value="%s"/></t:Contains>' % (
        mode, comparison, uri, value)


@tap.test("restrictions, sorting and both kinds of pages give what they mean")
def _():
    folder = folder_of_people()
    a, b, c, d = "Ärla", "bob", "Bobby", "Carol\nB"
    cases = [
        (compare("IsEqualTo", NAME, "BOB"), {b}), (compare("IsNotEqualTo", NAME, "bob"), {a, c, d}),
        (compare("IsGreaterThan", NUMBER, "2"), {c, d}), (compare("IsGreaterThanOrEqualTo", NUMBER, "2"), {b, c, d}),
        (compare("IsLessThan", NUMBER, "10"), {a, b, d}), (compare("IsLessThanOrEqualTo", NUMBER, "1"), {a}),
        (compare("IsEqualTo", CATEGORIES, "blue"), {b, d}),
        (compare("IsEqualTo", NAME, "B"), set()),  # not the second line of a name
        ("<t:IsEqualTo>%s<t:FieldURIOrConstant>%s</t:FieldURIOrConstant></t:IsEqualTo>" % (NUMBER, FLAGS), set()),
        ("<t:IsLessThan>%s<t:FieldURIOrConstant>%s</t:FieldURIOrConstant></t:IsLessThan>" % (NUMBER, FLAGS), {a, b}),
        (contains(NAME, "OB"), {b, c}), (contains(NAME, "OB", comparison="Exact"), set()),
        (contains(NAME, "Bob", "Prefixed", "Exact"), {c}), (contains(NAME, "bob", "FullString"), {b}),
        (contains(NAME, "arla", "FullString", "IgnoreCaseAndNonSpacingCharacters"), {a}),
        (contains(NAME, "b", "PrefixOnWords"), {b, c, d}), (contains(CATEGORIES, "green", "FullString"), {b}),
        ("<t:Exists>%s</t:Exists>" % FLAGS, {a, b, c}), ("<t:Exists>%s</t:Exists>" % CATEGORIES, {a, b, d}),
        ('<t:Excludes>%s<t:Bitmask Value="0x1"/></t:Excludes>' % FLAGS, {b, d}),
        ('<t:Excludes>%s<t:Bitmask Value="4"/></t:Excludes>' % FLAGS, {a, c, d}),
    ]
    for restriction, wanted in cases:
        assert set(find(folder, restriction)[0]) == wanted, (restriction, find(folder, restriction)[0])
        assert set(find(folder, "<t:Not>%s</t:Not>" % restriction)[0]) == {a, b, c, d} - wanted, restriction
    one, two = cases[2], cases[10]
    assert set(find(folder, "<t:And>%s%s</t:And>" % (one[0], two[0]))[0]) == one[1] & two[1]
    assert set(find(folder, "<t:Or>%s%s</t:Or>" % (one[0], two[0]))[0]) == one[1] | two[1]
    order = '<t:FieldOrder Order="%s">%s</t:FieldOrder>'
    assert find(folder, sort=order % ("Ascending", NUMBER))[0] == [a, b, d, c]
    assert find(folder, sort=order % ("Descending", NUMBER))[0] == [c, d, b, a]
    assert find(folder, sort=order % ("Ascending", NAME))[0] == [b, c, d, a]
    indexed = '<m:IndexedPageItemView MaxEntriesReturned="%d" Offset="%d" BasePoint="%s"/>'
    for count, offset, base, wanted, following, last in ((2, 0, "Beginning", [a, b], "2", "false"),
                                                         (2, 2, "Beginning", [d, c], "4", "true"),
                                                         (5, 9, "Beginning", [], "4", "true"),
                                                         (3, 1, "End", [a, b, d], "4", "true")):
        names, root = find(folder, sort=order % ("Ascending", NUMBER), view=indexed % (count, offset, base))
        assert (names, root["IndexedPagingOffset"], root["IncludesLastItemInRange"], root["TotalItemsInView"]) \
            == (wanted, following, last, "4"), (names, dict(root))
    names, root = find(folder, sort=order % ("Ascending", NUMBER), view=
                       '<m:FractionalPageItemView MaxEntriesReturned="1" Numerator="1" Denominator="2"/>')
    assert names == [d] and root["NumeratorOffset"] == "3" and root["AbsoluteDenominator"] == "4", (names, dict(root))


# --- folders and what moves between them

def make_folder(name, parent="inbox"):
    where = ('<t:DistinguishedFolderId Id="%s"/>' if parent.isalpha() and parent.islower() else
             '<t:FolderId Id="%s"/>') % parent
    return ok("<m:CreateFolder><m:ParentFolderId>%s</m:ParentFolderId><m:Folders><t:Folder><t:DisplayName>%s"
              "</t:DisplayName><t:ExtendedProperty>%s<t:Value>7</t:Value></t:ExtendedProperty></t:Folder></m:Folders>"
              "</m:CreateFolder>" % (where, name, NUMBER)).find(".//t:FolderId", NS).get("Id")


def message_in(folder, read="false"):
    root = ok('<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:FolderId Id="%s"/>'
              "</m:SavedItemFolderId><m:Items><t:Message><t:Subject>m</t:Subject><t:IsRead>%s</t:IsRead></t:Message>"
              "</m:Items></m:CreateItem>" % (folder, read))
    return root.find(".//t:ItemId", NS).get("Id")


def counts(folder):
    where = ('<t:DistinguishedFolderId Id="%s"/>' if folder.isalpha() and folder.islower() else
             '<t:FolderId Id="%s"/>') % folder
    root = ok("<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape><t:AdditionalProperties>%s"
              "</t:AdditionalProperties></m:FolderShape><m:FolderIds>%s</m:FolderIds></m:GetFolder>" % (NUMBER, where))
    return tuple(int(root.find(".//t:" + n, NS).text) for n in ("TotalCount", "UnreadCount", "ChildFolderCount")) + \
        tuple(e.text for e in root.iterfind(".//t:Value", NS))


@tap.test("folders are copied with what is in them, renamed, given properties and relieved of them, and moved")
def _():
    outer = make_folder("Outer")
    inner = make_folder("Inner", outer)
    message_in(inner), message_in(inner, "true")
    to = '<m:ToFolderId><t:DistinguishedFolderId Id="drafts"/></m:ToFolderId><m:FolderIds><t:FolderId Id="%s"/></m:FolderIds>'
    copy = ok("<m:CopyFolder>%s</m:CopyFolder>" % (to % outer)).find(".//t:FolderId", NS).get("Id")
    assert copy != outer and counts(copy) == counts(outer) == (0, 0, 1, "7"), (counts(copy), counts(outer))
    root = ok('<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>'
              '<m:ParentFolderIds><t:DistinguishedFolderId Id="drafts"/></m:ParentFolderIds></m:FindFolder>')
    found = {f.find("t:DisplayName", NS).text: f.find("t:FolderId", NS).get("Id") for f in root.iter("{%s}Folder" % T)}
    assert set(found) == {"Outer", "Inner"} and counts(found["Inner"]) == (2, 1, 0, "7")
    assert code("<m:CopyFolder>%s</m:CopyFolder>" % (to % outer)) == "ErrorFolderExists"
    assert code("<m:MoveFolder>%s</m:MoveFolder>" % (to % outer)) == "ErrorFolderExists"
    change = "<m:UpdateFolder><m:FolderChanges><t:FolderChange><t:FolderId Id=\"%s\"/><t:Updates>%s</t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"
    ok(change % (outer, '<t:SetFolderField><t:FieldURI FieldURI="folder:DisplayName"/><t:Folder><t:DisplayName>New'
                        "</t:DisplayName></t:Folder></t:SetFolderField><t:DeleteFolderField>%s</t:DeleteFolderField>" % NUMBER))
    assert counts(outer) == (0, 0, 1), counts(outer)
    ok("<m:MoveFolder>%s</m:MoveFolder>" % (to % outer))
    assert code("<m:MoveFolder><m:ToFolderId><t:FolderId Id=\"%s\"/></m:ToFolderId><m:FolderIds><t:FolderId Id=\"%s\"/>"
                "</m:FolderIds></m:MoveFolder>" % (inner, outer)) == "ErrorMoveCopyFailed"
    assert code("<m:MoveFolder>%s</m:MoveFolder>" % (to % outer).replace('FolderId Id="%s"' % outer,
                'DistinguishedFolderId Id="inbox"')) == "ErrorMoveDistinguishedFolder"


def delete(item, how):
    return ok('<m:DeleteItem DeleteType="%s"><m:ItemIds><t:ItemId Id="%s"/></m:ItemIds></m:DeleteItem>' % (how, item))


@tap.test("items are deleted in each of the three ways, moved and copied, and say under which id they are then")
def _():
    folder = make_folder("Deletions")
    items = [message_in(folder) for _ in range(5)]
    before = [counts(f)[0] for f in ("deleteditems", "recoverableitemsdeletions")]
    for item, how in zip(items, ("HardDelete", "SoftDelete", "MoveToDeletedItems")):
        delete(item, how)
        assert code(get_body(item)) == "ErrorItemNotFound", how
    assert [counts(f)[0] for f in ("deleteditems", "recoverableitemsdeletions")] == [n + 1 for n in before]
    assert counts(folder)[:2] == (2, 2), counts(folder)
    move = ('<m:%s><m:ToFolderId><t:DistinguishedFolderId Id="drafts"/></m:ToFolderId><m:ItemIds><t:ItemId Id="%s"/>'
            "</m:ItemIds>%s</m:%s>")
    moved = ok(move % ("MoveItem", items[3], "", "MoveItem")).find(".//t:ItemId", NS).get("Id")
    copied = ok(move % ("CopyItem", items[4], "", "CopyItem")).find(".//t:ItemId", NS).get("Id")
    silent = ok(move % ("CopyItem", items[4], "<m:ReturnNewItemIds>false</m:ReturnNewItemIds>", "CopyItem"))
    assert silent.find(".//t:ItemId", NS) is None
    assert moved != items[3] and code(get_body(items[3])) == "ErrorItemNotFound"
    assert copied != items[4] and code(get_body(items[4])) == code(get_body(copied)) == code(get_body(moved)) == "NoError"


def get_body(item):
    return ("<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds>"
            '<t:ItemId Id="%s"/></m:ItemIds></m:GetItem>' % item)


def sync(folder, state="", ignore=(), scope=""):
    """The state, and the changes as (kind, id)."""
    left_out = "<m:Ignore>%s</m:Ignore>" % "".join('<t:ItemId Id="%s"/>' % i for i in ignore) if ignore else ""
    root = ok("<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>"
              '<t:FolderId Id="%s"/></m:SyncFolderId>%s%s<m:MaxChangesReturned>512</m:MaxChangesReturned>%s'
              "</m:SyncFolderItems>" % (folder, state and "<m:SyncState>%s</m:SyncState>" % state, left_out, scope))
    changes = [(c.tag.rpartition("}")[2], c.find(".//t:ItemId", NS).get("Id")) for c in root.find(".//m:Changes", NS)]
    return root.find(".//m:SyncState", NS).text, changes


@tap.test("a synchronisation tells creations, changes, read flags and removals apart, and leaves out what is ignored")
def _():
    folder = make_folder("Synchronised")
    a, b, c = (message_in(folder) for _ in range(3))
    state, changes = sync(folder)
    assert sorted(changes) == sorted(("Create", i) for i in (a, b, c)), changes
    flag = ('<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly"><m:ItemChanges>'
            '<t:ItemChange><t:ItemId Id="%s"/><t:Updates><t:SetItemField><t:FieldURI FieldURI="%s"/><t:Message>%s'
            "</t:Message></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>")
    ok(flag % (a, "message:IsRead", "<t:IsRead>true</t:IsRead>"))
    ok(flag % (b, "item:Subject", "<t:Subject>other</t:Subject>"))
    delete(c, "HardDelete")
    d = message_in(folder)
    wanted = [("ReadFlagChange", a), ("Update", b), ("Delete", c), ("Create", d)]
    assert sync(folder, state)[1] == wanted, sync(folder, state)[1]
    later, changes = sync(folder, state, ignore=[a, d])
    assert changes == wanted[1:3], changes
    assert sync(folder, later)[1] == []
    hidden = ok('<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:FolderId Id="%s"/>'
                "</m:SavedItemFolderId><m:Items><t:Message><t:Subject>h</t:Subject><t:IsAssociated>true"
                "</t:IsAssociated></t:Message></m:Items></m:CreateItem>" % folder).find(".//t:ItemId", NS).get("Id")
    assert sync(folder, later)[1] == []
    everything = sync(folder, scope="<m:SyncScope>NormalAndAssociatedItems</m:SyncScope>")[1]
    assert ("Create", hidden) in everything and len(everything) == 4, everything


@tap.test("a body and a list of recipients are appended to; what cannot be appended to is refused")
def _():
    item = create("<t:Subject>s</t:Subject><t:Body BodyType=\"Text\">one</t:Body><t:ToRecipients><t:Mailbox>"
                  "<t:EmailAddress>a@b.c</t:EmailAddress></t:Mailbox></t:ToRecipients>", "Message")
    append = ('<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly"><m:ItemChanges>'
              '<t:ItemChange><t:ItemId Id="%s"/><t:Updates><t:AppendToItemField><t:FieldURI FieldURI="%s"/><t:Message>%s'
              "</t:Message></t:AppendToItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>")
    ok(append % (item, "item:Body", '<t:Body BodyType="Text">, two</t:Body>'))
    ok(append % (item, "message:ToRecipients", "<t:ToRecipients><t:Mailbox><t:EmailAddress>d@e.f</t:EmailAddress>"
                                               "</t:Mailbox></t:ToRecipients>"))
    found = get(item)
    assert found.find("t:Body", NS).text == "one, two"
    assert [e.text for e in found.iterfind("t:ToRecipients//t:EmailAddress", NS)] == ["a@b.c", "d@e.f"]
    assert code(append % (item, "item:Subject", "<t:Subject>x</t:Subject>")) == "ErrorInvalidPropertyAppend"


@tap.test("MIME comes back made anew: what is known is kept, the bytes are not")
def _():
    import email
    import email.policy
    sent = ("From: =?utf-8?q?=C3=84nne?= <ann@corp.example>\r\nTo: b@c.d\r\nSubject: " + "long subject " * 20 +
            "\r\nMessage-ID: <1@x.y>\r\nX-Unknown: dropped\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
            'boundary="mine"\r\n\r\n--mine\r\nContent-Type: text/plain; charset=utf-8\r\n'
            "Content-Transfer-Encoding: 8bit\r\n\r\nGrüße <b>\r\n--mine\r\nContent-Type: text/x-odd; name=\"a.txt\"\r\n"
            "Content-Disposition: attachment; filename=\"a.txt\"\r\n\r\nattached\r\n--mine--\r\n").encode()
    item = create("<t:MimeContent>%s</t:MimeContent>" % base64.b64encode(sent).decode(), "Message")
    found = get(item, '<t:FieldURI FieldURI="item:MimeContent"/>')
    back = base64.b64decode(found.find("t:MimeContent", NS).text)
    assert back != sent and b'"mine"' not in back and b"X-Unknown" not in back
    assert all(len(line) <= 998 for line in back.split(b"\r\n"))
    was, now = (email.message_from_bytes(m, policy=email.policy.default) for m in (sent, back))
    for header in ("From", "To", "Subject", "Message-ID"):
        assert " ".join(str(was[header]).split()) == " ".join(str(now[header]).split()), (header, now[header])
    assert "Grüße <b>" in now.get_body(("plain",)).get_content() and now.get_body(("html",)) is not None
    assert [(a.get_filename(), a.get_content_type(), a.get_payload(decode=True).strip())
            for a in now.iter_attachments()] == [("a.txt", "text/x-odd", b"attached")]


@tap.test("ids are converted to every format and back, time zones and their transitions are told")
def _():
    xsd = types()
    item = create("<t:DisplayName>x</t:DisplayName>")
    for form in words(xsd, "IdFormatType"):
        convert = ('<m:ConvertId DestinationFormat="%s"><m:SourceIds><t:AlternateId Format="%s" Id="%s" '
                   'Mailbox="ann@corp.example"/></m:SourceIds></m:ConvertId>')
        there = ok(convert % (form, "EwsId", item)).find(".//m:AlternateId", NS).get("Id")
        assert ok(convert % ("EwsId", form, there)).find(".//m:AlternateId", NS).get("Id") == item, form
    root = ok('<m:GetServerTimeZones ReturnFullTimeZoneData="true"><m:Ids><t:Id>UTC</t:Id></m:Ids>'
              "</m:GetServerTimeZones>")
    assert [z.get("Id") for z in root.iterfind(".//t:TimeZoneDefinition", NS)] == ["UTC"]
    root = ok("<m:GetServerTimeZones/>")
    assert len(root.findall(".//t:TimeZoneDefinition", NS)) > 1


@tap.test("the server ends cleanly")
def _():
    assert DX.stop() == 0, DX.output()


tap.main()
