CREATE TABLE "account" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "account_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" text NOT NULL,
	"owner_id" bigint,
	"balance_kopecks" bigint DEFAULT 0 NOT NULL,
	"held_kopecks" bigint DEFAULT 0 NOT NULL,
	"entries" bigint DEFAULT 0 NOT NULL,
	"overdraft_kopecks" bigint DEFAULT 0 NOT NULL,
	"day_limit_kopecks" bigint,
	"month_limit_kopecks" bigint,
	"monthly" jsonb,
	"seal" text NOT NULL,
	CONSTRAINT "account_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "account_agency_id_kind_owner_id_unique" UNIQUE NULLS NOT DISTINCT("agency_id","kind","owner_id"),
	CONSTRAINT "account_not_overdrawn" CHECK (kind in ('bank', 'board') or balance_kopecks - held_kopecks + overdraft_kopecks >= 0),
	CONSTRAINT "account_holds" CHECK (kind = 'board' or held_kopecks >= 0),
	CONSTRAINT "account_limits" CHECK (overdraft_kopecks >= 0 and day_limit_kopecks >= 0 and month_limit_kopecks >= 0)
);
--> statement-breakpoint
CREATE TABLE "account_spending" (
	"agency_id" integer NOT NULL,
	"account_id" bigint NOT NULL,
	"period" text NOT NULL,
	"kopecks" bigint NOT NULL,
	CONSTRAINT "account_spending_agency_id_account_id_period_pk" PRIMARY KEY("agency_id","account_id","period")
);
--> statement-breakpoint
CREATE TABLE "board_charge" (
	"agency_id" integer NOT NULL,
	"cabinet_id" bigint NOT NULL,
	"key" text NOT NULL,
	"report_id" bigint NOT NULL,
	"day" date NOT NULL,
	"board_offer_id" text,
	"listing_id" bigint,
	"service" text NOT NULL,
	"kopecks" bigint NOT NULL,
	"seal" text NOT NULL,
	CONSTRAINT "board_charge_agency_id_cabinet_id_key_pk" PRIMARY KEY("agency_id","cabinet_id","key")
);
--> statement-breakpoint
CREATE TABLE "board_report" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "board_report_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"cabinet_id" bigint NOT NULL,
	"name" text NOT NULL,
	"sha256" text NOT NULL,
	"by" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"rows" integer NOT NULL,
	"known" integer NOT NULL,
	"from_on" date,
	"until_on" date,
	"seal" text NOT NULL,
	CONSTRAINT "board_report_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "money_stage" (
	"agency_id" integer NOT NULL,
	"cabinet_id" bigint NOT NULL,
	"fence" bigint NOT NULL,
	"id" text NOT NULL,
	"listing_id" bigint NOT NULL,
	"day" date NOT NULL,
	"account_id" bigint,
	"kopecks" bigint NOT NULL,
	"basis" text NOT NULL,
	"tariff_id" bigint NOT NULL,
	"facts" jsonb NOT NULL,
	"is_owed" boolean NOT NULL,
	"waived" text,
	CONSTRAINT "money_stage_agency_id_cabinet_id_fence_id_pk" PRIMARY KEY("agency_id","cabinet_id","fence","id")
);
--> statement-breakpoint
CREATE TABLE "promotion" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "promotion_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"cabinet_id" bigint NOT NULL,
	"listing_id" bigint NOT NULL,
	"level" text NOT NULL,
	"days" integer NOT NULL,
	"from_on" date NOT NULL,
	"hold_id" text,
	"kopecks" bigint NOT NULL,
	"by" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"seal" text NOT NULL,
	CONSTRAINT "promotion_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE TABLE "tariff" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "tariff_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"cabinet_id" bigint NOT NULL,
	"valid_from" date NOT NULL,
	"terms" jsonb NOT NULL,
	"by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"seal" text NOT NULL,
	CONSTRAINT "tariff_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE TABLE "transfer" (
	"agency_id" integer NOT NULL,
	"id" text NOT NULL,
	"seq" bigint GENERATED ALWAYS AS IDENTITY (sequence name "transfer_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" text NOT NULL,
	"from_id" bigint NOT NULL,
	"to_id" bigint NOT NULL,
	"kopecks" bigint NOT NULL,
	"day" date NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"cabinet_id" bigint,
	"listing_id" bigint,
	"basis" text,
	"edition_id" bigint,
	"tariff_id" bigint,
	"facts" jsonb,
	"promotion_id" bigint,
	"resolves" text,
	"reverses" text,
	"by" text NOT NULL,
	"reason" text NOT NULL,
	"seal" text NOT NULL,
	CONSTRAINT "transfer_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "transfer_moves" CHECK (kopecks > 0 and from_id <> to_id),
	CONSTRAINT "transfer_reverses" CHECK ((kind = 'refund') = (reverses is not null)),
	CONSTRAINT "transfer_resolves" CHECK ((kind = 'release') <= (resolves is not null) and (resolves is not null) <= (kind in ('charge', 'release')))
);
--> statement-breakpoint
CREATE TABLE "waiver" (
	"agency_id" integer NOT NULL,
	"cabinet_id" bigint NOT NULL,
	"listing_id" bigint NOT NULL,
	"day" date NOT NULL,
	"account_id" bigint,
	"kopecks" bigint NOT NULL,
	"reason" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"seal" text NOT NULL,
	CONSTRAINT "waiver_agency_id_cabinet_id_listing_id_day_pk" PRIMARY KEY("agency_id","cabinet_id","listing_id","day")
);
--> statement-breakpoint
ALTER TABLE "cabinet" ADD COLUMN "billed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "cabinet" ADD COLUMN "billed_zone" text;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "region" text GENERATED ALWAYS AS (values->>'region') STORED;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "price_kopecks" bigint GENERATED ALWAYS AS ((values->>'priceKopecks')::bigint) STORED;--> statement-breakpoint
ALTER TABLE "account" ADD CONSTRAINT "account_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "account_spending" ADD CONSTRAINT "account_spending_agency_id_account_id_account_agency_id_id_fk" FOREIGN KEY ("agency_id","account_id") REFERENCES "public"."account"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "board_charge" ADD CONSTRAINT "board_charge_agency_id_report_id_board_report_agency_id_id_fk" FOREIGN KEY ("agency_id","report_id") REFERENCES "public"."board_report"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "board_report" ADD CONSTRAINT "board_report_agency_id_cabinet_id_cabinet_agency_id_id_fk" FOREIGN KEY ("agency_id","cabinet_id") REFERENCES "public"."cabinet"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "promotion" ADD CONSTRAINT "promotion_agency_id_cabinet_id_listing_id_mark_agency_id_cabinet_id_listing_id_fk" FOREIGN KEY ("agency_id","cabinet_id","listing_id") REFERENCES "public"."mark"("agency_id","cabinet_id","listing_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tariff" ADD CONSTRAINT "tariff_agency_id_cabinet_id_cabinet_agency_id_id_fk" FOREIGN KEY ("agency_id","cabinet_id") REFERENCES "public"."cabinet"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "board_charge_agency_id_cabinet_id_day_index" ON "board_charge" USING btree ("agency_id","cabinet_id","day");--> statement-breakpoint
CREATE INDEX "promotion_agency_id_cabinet_id_from_on_index" ON "promotion" USING btree ("agency_id","cabinet_id","from_on");--> statement-breakpoint
CREATE INDEX "tariff_agency_id_cabinet_id_valid_from_index" ON "tariff" USING btree ("agency_id","cabinet_id","valid_from");--> statement-breakpoint
CREATE INDEX "transfer_agency_id_cabinet_id_day_listing_id_index" ON "transfer" USING btree ("agency_id","cabinet_id","day","listing_id");--> statement-breakpoint
CREATE INDEX "transfer_agency_id_from_id_day_index" ON "transfer" USING btree ("agency_id","from_id","day");--> statement-breakpoint
CREATE INDEX "transfer_agency_id_to_id_day_index" ON "transfer" USING btree ("agency_id","to_id","day") WHERE kind in ('top-up', 'move', 'refund', 'correction');--> statement-breakpoint
CREATE UNIQUE INDEX "transfer_agency_id_resolves_index" ON "transfer" USING btree ("agency_id","resolves") WHERE resolves is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "transfer_agency_id_reverses_index" ON "transfer" USING btree ("agency_id","reverses") WHERE reverses is not null;--> statement-breakpoint
-- What is written about money stays as it was written, whoever asks.
CREATE FUNCTION "money_is_final"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of % are never changed or removed: write a counter-entry', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;--> statement-breakpoint
CREATE TRIGGER "transfer_is_final" BEFORE UPDATE OR DELETE OR TRUNCATE ON "transfer" FOR EACH STATEMENT EXECUTE FUNCTION "money_is_final"();--> statement-breakpoint
CREATE TRIGGER "tariff_is_final" BEFORE UPDATE OR DELETE OR TRUNCATE ON "tariff" FOR EACH STATEMENT EXECUTE FUNCTION "money_is_final"();--> statement-breakpoint
CREATE TRIGGER "promotion_is_final" BEFORE UPDATE OR DELETE OR TRUNCATE ON "promotion" FOR EACH STATEMENT EXECUTE FUNCTION "money_is_final"();--> statement-breakpoint
CREATE TRIGGER "waiver_is_final" BEFORE UPDATE OR DELETE OR TRUNCATE ON "waiver" FOR EACH STATEMENT EXECUTE FUNCTION "money_is_final"();--> statement-breakpoint
CREATE TRIGGER "board_charge_is_final" BEFORE UPDATE OR DELETE OR TRUNCATE ON "board_charge" FOR EACH STATEMENT EXECUTE FUNCTION "money_is_final"();--> statement-breakpoint
-- A seal is the digest of everything else in the row; whoever changes a row past the triggers is found by it.
-- Days and moments are counted, not written out, so that no setting of the session gets into it.
CREATE FUNCTION "seal_of"("t" "transfer") RETURNS text LANGUAGE sql STABLE AS $$
	SELECT md5(row(t.agency_id, t.id, t.seq, t.kind, t.from_id, t.to_id, t.kopecks, t.day - date '2000-01-01', extract(epoch from t.at), t.cabinet_id, t.listing_id,
		t.basis, t.edition_id, t.tariff_id, t.facts, t.promotion_id, t.resolves, t.reverses, t.by, t.reason)::text)
$$;--> statement-breakpoint
CREATE FUNCTION "seal_of"("t" "tariff") RETURNS text LANGUAGE sql STABLE AS $$
	SELECT md5(row(t.agency_id, t.id, t.cabinet_id, t.valid_from - date '2000-01-01', t.terms, t.by, extract(epoch from t.created_at))::text)
$$;--> statement-breakpoint
CREATE FUNCTION "seal_of"("t" "promotion") RETURNS text LANGUAGE sql STABLE AS $$
	SELECT md5(row(t.agency_id, t.id, t.cabinet_id, t.listing_id, t.level, t.days, t.from_on - date '2000-01-01', t.hold_id, t.kopecks, t.by, extract(epoch from t.at))::text)
$$;--> statement-breakpoint
CREATE FUNCTION "seal_of"("t" "waiver") RETURNS text LANGUAGE sql STABLE AS $$
	SELECT md5(row(t.agency_id, t.cabinet_id, t.listing_id, t.day - date '2000-01-01', t.account_id, t.kopecks, t.reason, extract(epoch from t.at))::text)
$$;--> statement-breakpoint
CREATE FUNCTION "seal_of"("t" "board_charge") RETURNS text LANGUAGE sql STABLE AS $$
	SELECT md5(row(t.agency_id, t.cabinet_id, t.key, t.report_id, t.day - date '2000-01-01', t.board_offer_id, t.listing_id, t.service, t.kopecks)::text)
$$;--> statement-breakpoint
CREATE FUNCTION "seal_of"("t" "board_report") RETURNS text LANGUAGE sql STABLE AS $$
	SELECT md5(row(t.agency_id, t.id, t.cabinet_id, t.name, t.sha256, t.by, extract(epoch from t.at), t.rows, t.known, t.from_on - date '2000-01-01',
		t.until_on - date '2000-01-01')::text)
$$;--> statement-breakpoint
-- Of what people decide about an account; its sums are proved by its transfers. The program writes it, no trigger does.
CREATE FUNCTION "seal_of"("t" "account") RETURNS text LANGUAGE sql STABLE AS $$
	SELECT md5(row(t.agency_id, t.id, t.kind, t.owner_id, t.overdraft_kopecks, t.day_limit_kopecks, t.month_limit_kopecks, t.monthly)::text)
$$;--> statement-breakpoint
CREATE FUNCTION "seal_row"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.seal := seal_of(NEW);
	RETURN NEW;
END $$;--> statement-breakpoint
CREATE TRIGGER "transfer_seal" BEFORE INSERT ON "transfer" FOR EACH ROW EXECUTE FUNCTION "seal_row"();--> statement-breakpoint
CREATE TRIGGER "tariff_seal" BEFORE INSERT ON "tariff" FOR EACH ROW EXECUTE FUNCTION "seal_row"();--> statement-breakpoint
CREATE TRIGGER "promotion_seal" BEFORE INSERT ON "promotion" FOR EACH ROW EXECUTE FUNCTION "seal_row"();--> statement-breakpoint
CREATE TRIGGER "waiver_seal" BEFORE INSERT ON "waiver" FOR EACH ROW EXECUTE FUNCTION "seal_row"();--> statement-breakpoint
CREATE TRIGGER "board_charge_seal" BEFORE INSERT ON "board_charge" FOR EACH ROW EXECUTE FUNCTION "seal_row"();--> statement-breakpoint
CREATE TRIGGER "board_report_seal" BEFORE INSERT ON "board_report" FOR EACH ROW EXECUTE FUNCTION "seal_row"();--> statement-breakpoint
CREATE TRIGGER "account_seal" BEFORE INSERT ON "account" FOR EACH ROW EXECUTE FUNCTION "seal_row"();--> statement-breakpoint
CREATE TRIGGER "board_report_is_final" BEFORE UPDATE OR DELETE OR TRUNCATE ON "board_report" FOR EACH STATEMENT EXECUTE FUNCTION "money_is_final"();--> statement-breakpoint
CREATE TRIGGER "account_stays" BEFORE DELETE OR TRUNCATE ON "account" FOR EACH STATEMENT EXECUTE FUNCTION "money_is_final"();--> statement-breakpoint
-- What was shown before there were tariffs is settled: nothing was to be paid.
UPDATE "cabinet" c SET "billed_at" = (SELECT max(r.finished_at) FROM "export_run" r WHERE r.agency_id = c.agency_id AND r.cabinet_id = c.id AND r.status = 'done');
