--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: prosody; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.prosody (
    host text NOT NULL,
    "user" text NOT NULL,
    store text NOT NULL,
    key text NOT NULL,
    type text NOT NULL,
    value text NOT NULL
);



--
-- Name: prosodyarchive; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.prosodyarchive (
    sort_id bigint NOT NULL,
    host text NOT NULL,
    "user" text NOT NULL,
    store text NOT NULL,
    key text NOT NULL,
    "when" integer NOT NULL,
    "with" text NOT NULL,
    type text NOT NULL,
    value text NOT NULL
);



--
-- Name: prosodyarchive_sort_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.prosodyarchive_sort_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;



--
-- Name: prosodyarchive_sort_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: postgres
--

ALTER SEQUENCE public.prosodyarchive_sort_id_seq OWNED BY public.prosodyarchive.sort_id;


--
-- Name: prosodyarchive sort_id; Type: DEFAULT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.prosodyarchive ALTER COLUMN sort_id SET DEFAULT nextval('public.prosodyarchive_sort_id_seq'::regclass);


--
-- Data for Name: prosody; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'alice', 'accounts', 'salt', 'string', '9e03b561-4ad9-4ad7-a2d1-49c0e208d1c1');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'alice', 'accounts', 'stored_key', 'string', 'b589a0c212cd6b81bb6474281e87d415cf55c9cb');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'alice', 'accounts', 'server_key', 'string', '12055c0cd889160259178749ef218ee9be1d6f72');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'alice', 'accounts', 'iteration_count', 'number', '10000');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'bob', 'accounts', 'salt', 'string', 'd84d145c-410e-47a8-85e2-5d563b01bb11');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'bob', 'accounts', 'stored_key', 'string', '06d47687fb2ab58c0327b0ce9460b05daee7769b');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'bob', 'accounts', 'iteration_count', 'number', '10000');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'bob', 'accounts', 'server_key', 'string', '362c9f6167bce11caeab31a3988a916b0d829106');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'carol', 'accounts', 'stored_key', 'string', '819a8861a268220a2f49e9fdb4163b97e90b8093');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'carol', 'accounts', 'salt', 'string', 'f05bbb70-391b-4256-ab7f-ba55a565d7f7');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'carol', 'accounts', 'iteration_count', 'number', '10000');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'carol', 'accounts', 'server_key', 'string', 'c260fd13af4d148bb52f352b0afb89950aec71d3');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'alice', 'pep', 'storage:bookmarks', 'json', '{"name":"storage:bookmarks","affiliations":{"alice@im.example":"owner"},"config":{"send_last_published_item":"never","max_items":1,"persist_items":false,"access_model":"whitelist"},"subscribers":{}}');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'bob', 'pep', 'storage:bookmarks', 'json', '{"name":"storage:bookmarks","affiliations":{"bob@im.example":"owner"},"config":{"send_last_published_item":"never","max_items":1,"persist_items":false,"access_model":"whitelist"},"subscribers":{}}');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'alice', 'roster', 'dave@partner.example', 'json', '{"groups":{},"name":"Dave (Partner)","subscription":"none"}');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'alice', 'roster', 'bob@im.example', 'json', '{"groups":{"Colleagues":true,"Ops / On-call":true},"name":"Bob Builder","subscription":"both"}');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'bob', 'roster', '', 'json', '{"__hash":[false,{"pending":{},"version":5}]}');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'bob', 'roster', 'alice@im.example', 'json', '{"groups":{"Friends":true},"name":"Alice Liddell","subscription":"both"}');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'alice', 'roster', '', 'json', '{"__hash":[false,{"pending":{},"version":8}]}');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'alice', 'roster', 'carol@im.example', 'json', '{"name":"Carol Ünïcode","groups":{"Colleagues":true},"ask":"subscribe","subscription":"none"}');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('im.example', 'carol', 'roster', '', 'json', '{"__hash":[false,{"pending":{"alice@im.example":{"name":"presence","attr":{"type":"subscribe","xml:lang":"en","to":"carol@im.example","id":"c0b39531b1704ead8b58262fed500249","from":"alice@im.example"}}},"version":1}]}');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('rooms.im.example', '', 'persistent', 'ops@rooms.im.example', 'boolean', 'true');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('rooms.im.example', 'ops', 'state', '_last_message', 'json', '{"attr":{"type":"groupchat","xml:lang":"en","to":"","id":"g3","from":"ops@rooms.im.example/Bob"},"name":"message","__array":[{"attr":{},"name":"body","__array":["Alice: morning"]},{"name":"occupant-id","attr":{"id":"WStqO+f8TNLB6HqijvM376aFx4mbywBTGSj/dMNYttI=","xmlns":"urn:xmpp:occupant-id:0"}},{"name":"stanza-id","attr":{"id":"77e7787b-cf87-4f9c-9b3e-2b5a3fe7e86a","by":"ops@rooms.im.example","xmlns":"urn:xmpp:sid:0"}},{"name":"delay","attr":{"xmlns":"urn:xmpp:delay","stamp":"2026-11-22T22:14:22Z","from":"ops@rooms.im.example"}}]}');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('rooms.im.example', 'ops', 'state', '_last_message_at', 'number', '1795385662');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('rooms.im.example', 'ops', 'config', '_affiliation_data', 'json', '{}');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('rooms.im.example', 'ops', 'config', '_jid', 'string', 'ops@rooms.im.example');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('rooms.im.example', 'ops', 'config', '_data', 'json', '{"occupant_id_salt":"400a3cad-23d9-45fd-95d7-33c45bd96108","hidden":true,"language":"en","persistent":true,"archiving":true,"name":"Ops room"}');
INSERT INTO public.prosody (host, "user", store, key, type, value) VALUES ('rooms.im.example', 'ops', 'config', 'alice@im.example', 'string', 'owner');


--
-- Data for Name: prosodyarchive; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (1, 'im.example', 'alice', 'archive', '6c27efb2-f1de-4b02-81de-14170fbeacf8', 1795385658, 'bob@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''bob@im.example'' id=''m1'' from=''alice@im.example/cli''><body>Hi Bob, is the build green?</body><thread>t-0001</thread><request xmlns=''urn:xmpp:receipts''/><origin-id id=''m1'' xmlns=''urn:xmpp:sid:0''/></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (2, 'im.example', 'bob', 'archive', '51f9e6c2-23b5-46a3-ab11-34c0a00616c6', 1795385658, 'alice@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''bob@im.example'' id=''m1'' from=''alice@im.example/cli''><body>Hi Bob, is the build green?</body><thread>t-0001</thread><request xmlns=''urn:xmpp:receipts''/><origin-id id=''m1'' xmlns=''urn:xmpp:sid:0''/></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (3, 'im.example', 'bob', 'archive', '3f8836d6-d468-4bbd-8f43-2e9150679336', 1795385659, 'alice@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''alice@im.example'' id=''m2'' from=''bob@im.example/cli''><body>Not *yet* &lt;sigh&gt; &amp; sorry 😀</body><html xmlns=''http://jabber.org/protocol/xhtml-im''><body xmlns=''http://www.w3.org/1999/xhtml''><p>Not <strong>yet</strong> &lt;sigh&gt;</p></body></html><thread>t-0001</thread></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (4, 'im.example', 'alice', 'archive', '08be8714-b437-4303-b608-dcfd5cbc25d1', 1795385659, 'bob@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''alice@im.example'' id=''m2'' from=''bob@im.example/cli''><body>Not *yet* &lt;sigh&gt; &amp; sorry 😀</body><html xmlns=''http://jabber.org/protocol/xhtml-im''><body xmlns=''http://www.w3.org/1999/xhtml''><p>Not <strong>yet</strong> &lt;sigh&gt;</p></body></html><thread>t-0001</thread></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (5, 'im.example', 'bob', 'archive', 'e16d12b5-12ee-4c24-aac6-311d156ac62f', 1795385659, 'alice@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''alice@im.example'' id=''m3'' from=''bob@im.example/cli''><body>Not *yet*, 10 minutes</body><replace id=''m2'' xmlns=''urn:xmpp:message-correct:0''/><thread>t-0001</thread></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (6, 'im.example', 'alice', 'archive', 'c95dd67a-c816-4fdd-a5c5-4b43fc2ad49b', 1795385659, 'bob@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''alice@im.example'' id=''m3'' from=''bob@im.example/cli''><body>Not *yet*, 10 minutes</body><replace id=''m2'' xmlns=''urn:xmpp:message-correct:0''/><thread>t-0001</thread></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (7, 'im.example', 'alice', 'archive', '6fce0ee3-a666-4d9b-aa03-a2cf22460913', 1795385659, 'bob@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''bob@im.example'' id=''m4'' from=''alice@im.example/cli''><reactions id=''m3'' xmlns=''urn:xmpp:reactions:0''><reaction>👍</reaction></reactions><store xmlns=''urn:xmpp:hints''/></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (8, 'im.example', 'bob', 'archive', '73f89f85-eee6-409f-a9f9-31fa6eb73c22', 1795385659, 'alice@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''bob@im.example'' id=''m4'' from=''alice@im.example/cli''><reactions id=''m3'' xmlns=''urn:xmpp:reactions:0''><reaction>👍</reaction></reactions><store xmlns=''urn:xmpp:hints''/></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (9, 'im.example', 'alice', 'archive', '46b2442d-75c0-40b4-93e4-272f846145a0', 1795385659, 'bob@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''bob@im.example'' id=''m5'' from=''alice@im.example/cli''><body>https://up.example/x/log.txt</body><x xmlns=''jabber:x:oob''><url>https://up.example/x/log.txt</url><desc>log</desc></x></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (10, 'im.example', 'bob', 'archive', '587573a5-5f46-4616-bcec-fff80e7a53e2', 1795385659, 'alice@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''bob@im.example'' id=''m5'' from=''alice@im.example/cli''><body>https://up.example/x/log.txt</body><x xmlns=''jabber:x:oob''><url>https://up.example/x/log.txt</url><desc>log</desc></x></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (11, 'im.example', 'alice', 'archive', '5bbde4b9-85ee-476d-b26f-77fabf93d1bc', 1795385659, 'bob@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''bob@im.example'' id=''m6'' from=''alice@im.example/cli''><body>wrong window</body><origin-id id=''m6'' xmlns=''urn:xmpp:sid:0''/></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (12, 'im.example', 'bob', 'archive', 'ae108d88-ae01-4816-9e91-bb83597fa008', 1795385659, 'alice@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''bob@im.example'' id=''m6'' from=''alice@im.example/cli''><body>wrong window</body><origin-id id=''m6'' xmlns=''urn:xmpp:sid:0''/></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (13, 'im.example', 'alice', 'archive', 'b954b956-1121-442b-8d29-59d7fd33cfad', 1795385659, 'bob@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''bob@im.example'' id=''m7'' from=''alice@im.example/cli''><apply-to id=''m6'' xmlns=''urn:xmpp:fasten:0''><retract xmlns=''urn:xmpp:message-retract:0''/></apply-to><fallback xmlns=''urn:xmpp:fallback:0''/><body>This person attempted to retract a previous message</body><store xmlns=''urn:xmpp:hints''/></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (14, 'im.example', 'bob', 'archive', '7f06547c-e588-4235-ba73-0daac27b67cd', 1795385659, 'alice@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''bob@im.example'' id=''m7'' from=''alice@im.example/cli''><apply-to id=''m6'' xmlns=''urn:xmpp:fasten:0''><retract xmlns=''urn:xmpp:message-retract:0''/></apply-to><fallback xmlns=''urn:xmpp:fallback:0''/><body>This person attempted to retract a previous message</body><store xmlns=''urn:xmpp:hints''/></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (15, 'im.example', 'alice', 'archive', 'a83d35b9-b5ca-44a0-b64f-3fa187cedf5a', 1795385659, 'carol@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''carol@im.example'' id=''m8'' from=''alice@im.example/cli''><body>Carol, ping me when back</body></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (16, 'im.example', 'carol', 'archive', '352450cf-892a-4428-965c-f430074af713', 1795385659, 'alice@im.example', 'xml', '<message type=''chat'' xml:lang=''en'' to=''carol@im.example'' id=''m8'' from=''alice@im.example/cli''><body>Carol, ping me when back</body></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (17, 'im.example', 'carol', 'offline', '345a38f9-8ae1-43a4-9134-a4345dfd808b', 1795385659, '', 'xml', '<message type=''chat'' xml:lang=''en'' to=''carol@im.example'' id=''m8'' from=''alice@im.example/cli''><body>Carol, ping me when back</body><stanza-id id=''352450cf-892a-4428-965c-f430074af713'' by=''carol@im.example'' xmlns=''urn:xmpp:sid:0''/></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (18, 'rooms.im.example', 'ops', 'muc_log', '11c8d952-2459-4400-803d-9ee719385008', 1795385659, 'presence', 'xml', '<presence from=''ops@rooms.im.example/Alice''><x xmlns=''http://jabber.org/protocol/muc''/></presence>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (19, 'rooms.im.example', 'ops', 'muc_log', '5354efe0-6eae-43a5-ba8f-40a2e9ceb6cc', 1795385661, 'presence', 'xml', '<presence from=''ops@rooms.im.example/Bob''><x xmlns=''http://jabber.org/protocol/muc''/></presence>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (20, 'rooms.im.example', 'ops', 'muc_log', 'e78de788-b276-4678-8734-b1497f408ad2', 1795385662, 'message<groupchat', 'xml', '<message type=''groupchat'' xml:lang=''en'' to=''ops@rooms.im.example'' id=''g1'' from=''ops@rooms.im.example/Alice''><body>Morning all</body><occupant-id id=''S6hAFEfgPSNrTZjrUkwoVLyQEPEVvpmihjvfVtExkZs='' xmlns=''urn:xmpp:occupant-id:0''/></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (21, 'rooms.im.example', 'ops', 'muc_log', '77e7787b-cf87-4f9c-9b3e-2b5a3fe7e86a', 1795385662, 'message<groupchat', 'xml', '<message type=''groupchat'' xml:lang=''en'' to=''ops@rooms.im.example'' id=''g3'' from=''ops@rooms.im.example/Bob''><body>Alice: morning</body><occupant-id id=''WStqO+f8TNLB6HqijvM376aFx4mbywBTGSj/dMNYttI='' xmlns=''urn:xmpp:occupant-id:0''/></message>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (22, 'rooms.im.example', 'ops', 'muc_log', '89420bfe-85bc-4872-aa12-e5780308e727', 1795385663, 'presence<unavailable', 'xml', '<presence type=''unavailable'' from=''ops@rooms.im.example/Alice''/>');
INSERT INTO public.prosodyarchive (sort_id, host, "user", store, key, "when", "with", type, value) VALUES (23, 'rooms.im.example', 'ops', 'muc_log', '1ce4f91c-a2f8-4709-895a-79879e484f70', 1795385663, 'presence<unavailable', 'xml', '<presence type=''unavailable'' from=''ops@rooms.im.example/Bob''/>');


--
-- Name: prosodyarchive_sort_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.prosodyarchive_sort_id_seq', 23, true);


--
-- Name: prosodyarchive prosodyarchive_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.prosodyarchive
    ADD CONSTRAINT prosodyarchive_pkey PRIMARY KEY (sort_id);


--
-- Name: prosody_index; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX prosody_index ON public.prosody USING btree (host, "user", store, key);


--
-- Name: prosodyarchive_index; Type: INDEX; Schema: public; Owner: postgres
--

CREATE UNIQUE INDEX prosodyarchive_index ON public.prosodyarchive USING btree (host, "user", store, key);


--
-- Name: prosodyarchive_sort; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX prosodyarchive_sort ON public.prosodyarchive USING btree (host, "user", store, sort_id);


--
-- Name: prosodyarchive_when; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX prosodyarchive_when ON public.prosodyarchive USING btree (host, "user", store, "when");


--
-- Name: prosodyarchive_with_when; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX prosodyarchive_with_when ON public.prosodyarchive USING btree (host, "user", store, "with", "when");


--
-- PostgreSQL database dump complete
--


