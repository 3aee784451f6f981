CREATE TABLE "day_record" (
	"agency_id" integer NOT NULL,
	"cabinet_id" bigint NOT NULL,
	"day" date NOT NULL,
	"outcomes" "bytea" NOT NULL,
	"closing" "bytea" NOT NULL,
	"units" "bytea" NOT NULL,
	CONSTRAINT "day_record_agency_id_cabinet_id_day_pk" PRIMARY KEY("agency_id","cabinet_id","day")
);
--> statement-breakpoint
CREATE TABLE "exception" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "exception_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"listing_id" bigint NOT NULL,
	"gate" text NOT NULL,
	"norm_code" text,
	"reason" text NOT NULL,
	"by" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"until" date NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "exception_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE TABLE "export_run" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "export_run_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"cabinet_id" bigint NOT NULL,
	"fence" bigint NOT NULL,
	"slot" timestamp with time zone,
	"cause" text NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone,
	"status" text,
	"edition_id" bigint,
	"outcomes" jsonb,
	"changed" integer,
	"error" text,
	CONSTRAINT "export_run_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "export_run_agency_id_cabinet_id_slot_unique" UNIQUE("agency_id","cabinet_id","slot")
);
--> statement-breakpoint
CREATE TABLE "journal" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "journal_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone NOT NULL,
	"by" text NOT NULL,
	"action" text NOT NULL,
	"listing_id" bigint,
	"cabinet_id" bigint,
	"facts" jsonb DEFAULT '{}'::jsonb NOT NULL,
	CONSTRAINT "journal_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE TABLE "listing_photo" (
	"agency_id" integer NOT NULL,
	"listing_id" bigint NOT NULL,
	"photo_id" bigint NOT NULL,
	CONSTRAINT "listing_photo_agency_id_listing_id_photo_id_pk" PRIMARY KEY("agency_id","listing_id","photo_id")
);
--> statement-breakpoint
CREATE TABLE "mark_outcome" (
	"agency_id" integer NOT NULL,
	"cabinet_id" bigint NOT NULL,
	"listing_id" bigint NOT NULL,
	"outcome" text NOT NULL,
	"reason" text,
	"judgement" jsonb,
	"input_key" text NOT NULL,
	"content_key" text NOT NULL,
	"price_kopecks" bigint,
	"is_held" boolean DEFAULT false NOT NULL,
	"placed_on" date,
	"waiting_since" timestamp with time zone,
	"placement_from" date,
	"placement_until" date,
	"since" timestamp with time zone NOT NULL,
	"decided_at" timestamp with time zone NOT NULL,
	CONSTRAINT "mark_outcome_agency_id_cabinet_id_listing_id_pk" PRIMARY KEY("agency_id","cabinet_id","listing_id")
);
--> statement-breakpoint
CREATE TABLE "marking_rule" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "marking_rule_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"when" jsonb NOT NULL,
	"cabinet_ids" bigint[] NOT NULL,
	"term_days" integer,
	"is_active" boolean DEFAULT true NOT NULL,
	CONSTRAINT "marking_rule_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "marking_rule_agency_id_name_unique" UNIQUE("agency_id","name")
);
--> statement-breakpoint
CREATE TABLE "message" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "message_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"key" text NOT NULL,
	"kind" text NOT NULL,
	"employee_id" bigint,
	"role" text,
	"listing_id" bigint,
	"cabinet_id" bigint,
	"text" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"done_at" timestamp with time zone,
	CONSTRAINT "message_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "message_agency_id_key_unique" UNIQUE("agency_id","key")
);
--> statement-breakpoint
CREATE TABLE "norm" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "norm_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"code" text NOT NULL,
	"boards" text[],
	"rule" jsonb NOT NULL,
	"by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "norm_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "norm_agency_id_code_unique" UNIQUE("agency_id","code")
);
--> statement-breakpoint
CREATE TABLE "pause" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "pause_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"branch_id" bigint,
	"cabinet_id" bigint,
	"listing_id" bigint,
	"from_at" timestamp with time zone NOT NULL,
	"until_at" timestamp with time zone NOT NULL,
	"reason" text NOT NULL,
	"by" text NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "pause_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE TABLE "phone_line" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "phone_line_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"scope" text NOT NULL,
	"scope_id" bigint,
	"board" text,
	"weekdays" smallint[] NOT NULL,
	"from_minute" integer NOT NULL,
	"to_minute" integer NOT NULL,
	"starts_on" date,
	"ends_on" date,
	"kind" text NOT NULL,
	"phone" text,
	"note" text,
	CONSTRAINT "phone_line_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE TABLE "photo" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "photo_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"url" text NOT NULL,
	"host" text NOT NULL,
	"probed_at" timestamp with time zone,
	"next_probe_at" timestamp with time zone NOT NULL,
	"status" integer,
	"type" text,
	"bytes" bigint,
	"width" integer,
	"height" integer,
	"etag" text,
	"sha256" text,
	"dhash" text,
	"look_id" bigint,
	"failures" integer DEFAULT 0 NOT NULL,
	"first_failed_at" timestamp with time zone,
	"last_error" text,
	CONSTRAINT "photo_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "photo_agency_id_url_unique" UNIQUE("agency_id","url")
);
--> statement-breakpoint
CREATE TABLE "placement" (
	"agency_id" integer NOT NULL,
	"cabinet_id" bigint NOT NULL,
	"listing_id" bigint NOT NULL,
	"from_on" date NOT NULL,
	"until_on" date NOT NULL,
	CONSTRAINT "placement_agency_id_cabinet_id_listing_id_from_on_pk" PRIMARY KEY("agency_id","cabinet_id","listing_id","from_on")
);
--> statement-breakpoint
CREATE TABLE "unit" (
	"agency_id" integer NOT NULL,
	"id" integer NOT NULL,
	"branch_id" bigint,
	"department_id" bigint,
	"employee_id" bigint,
	CONSTRAINT "unit_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "unit_agency_id_branch_id_department_id_employee_id_unique" UNIQUE NULLS NOT DISTINCT("agency_id","branch_id","department_id","employee_id")
);
--> statement-breakpoint
CREATE TABLE "verdict" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "verdict_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"listing_id" bigint NOT NULL,
	"kind" text NOT NULL,
	"content" jsonb NOT NULL,
	"content_hash" text NOT NULL,
	"photo_hashes" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"reasons" jsonb,
	"note" text,
	"employee_id" bigint,
	"by" text NOT NULL,
	"is_own" boolean DEFAULT false NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"effective_at" timestamp with time zone NOT NULL,
	"undone_at" timestamp with time zone,
	CONSTRAINT "verdict_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
ALTER TABLE "agency" ADD COLUMN "settings" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "branch" ADD COLUMN "calendar" jsonb;--> statement-breakpoint
ALTER TABLE "cabinet" ADD COLUMN "settings" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "cabinet" ADD COLUMN "calendar" jsonb;--> statement-breakpoint
ALTER TABLE "cabinet" ADD COLUMN "due_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "cabinet" ADD COLUMN "claimed_due_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "cabinet" ADD COLUMN "causes" jsonb;--> statement-breakpoint
ALTER TABLE "cabinet" ADD COLUMN "brake" jsonb;--> statement-breakpoint
ALTER TABLE "cabinet" ADD COLUMN "brake_release" jsonb;--> statement-breakpoint
ALTER TABLE "cabinet" ADD COLUMN "recorded_through" date;--> statement-breakpoint
ALTER TABLE "cabinet" ADD COLUMN "marks_made" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "employee" ADD COLUMN "role" text DEFAULT 'agent' NOT NULL;--> statement-breakpoint
ALTER TABLE "import_row" ADD COLUMN "duplicate_key" text;--> statement-breakpoint
ALTER TABLE "import_row" ADD COLUMN "likeness_key" text;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "is_changed_by_source" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "fresh_at" timestamp with time zone;--> statement-breakpoint
-- Until now nobody could confirm a listing; whoever is on a board today is believed from today.
UPDATE "listing" SET "fresh_at" = date_trunc('milliseconds', now());--> statement-breakpoint
ALTER TABLE "listing" ALTER COLUMN "fresh_at" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "kind" text GENERATED ALWAYS AS (values->>'kind') STORED NOT NULL;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "deal" text GENERATED ALWAYS AS (values->>'deal') STORED NOT NULL;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "status" text DEFAULT 'active' NOT NULL;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "reserved_until" date;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "stage" text;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "forbidden_reason" text;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "call_back_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "archived_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "pending_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "duplicate_key" text;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "likeness_key" text;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "photos_key" text;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "photo_facts" jsonb;--> statement-breakpoint
ALTER TABLE "mark" ADD COLUMN "origin" text DEFAULT 'hand' NOT NULL;--> statement-breakpoint
ALTER TABLE "mark" ADD COLUMN "starts_on" date;--> statement-breakpoint
ALTER TABLE "mark" ADD COLUMN "ends_on" date;--> statement-breakpoint
ALTER TABLE "mark" ADD COLUMN "is_pinned" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "mark" ADD COLUMN "ordinal" integer;--> statement-breakpoint
UPDATE "mark" m SET "ordinal" = o.place FROM (SELECT agency_id, cabinet_id, listing_id, row_number() OVER (PARTITION BY agency_id, cabinet_id ORDER BY listing_id) - 1 AS place FROM "mark") o
 WHERE m.agency_id = o.agency_id AND m.cabinet_id = o.cabinet_id AND m.listing_id = o.listing_id;--> statement-breakpoint
ALTER TABLE "mark" ALTER COLUMN "ordinal" SET NOT NULL;--> statement-breakpoint
UPDATE "cabinet" c SET "marks_made" = (SELECT count(*) FROM "mark" m WHERE m.agency_id = c.agency_id AND m.cabinet_id = c.id);--> statement-breakpoint
-- Nothing in it outlives a run.
TRUNCATE "outcome_stage";--> statement-breakpoint
ALTER TABLE "outcome_stage" ADD COLUMN "reason" text;--> statement-breakpoint
ALTER TABLE "outcome_stage" ADD COLUMN "judgement" jsonb;--> statement-breakpoint
ALTER TABLE "outcome_stage" ADD COLUMN "content_key" text NOT NULL;--> statement-breakpoint
ALTER TABLE "outcome_stage" ADD COLUMN "price_kopecks" bigint;--> statement-breakpoint
ALTER TABLE "outcome_stage" ADD COLUMN "is_held" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "outcome_stage" ADD COLUMN "placed_on" date;--> statement-breakpoint
ALTER TABLE "outcome_stage" ADD COLUMN "waiting_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "outcome_stage" ADD COLUMN "placement_from" date;--> statement-breakpoint
ALTER TABLE "outcome_stage" ADD COLUMN "placement_until" date;--> statement-breakpoint
ALTER TABLE "day_record" ADD CONSTRAINT "day_record_agency_id_cabinet_id_cabinet_agency_id_id_fk" FOREIGN KEY ("agency_id","cabinet_id") REFERENCES "public"."cabinet"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "exception" ADD CONSTRAINT "exception_agency_id_listing_id_listing_agency_id_id_fk" FOREIGN KEY ("agency_id","listing_id") REFERENCES "public"."listing"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "export_run" ADD CONSTRAINT "export_run_agency_id_cabinet_id_cabinet_agency_id_id_fk" FOREIGN KEY ("agency_id","cabinet_id") REFERENCES "public"."cabinet"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "journal" ADD CONSTRAINT "journal_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "listing_photo" ADD CONSTRAINT "listing_photo_agency_id_listing_id_listing_agency_id_id_fk" FOREIGN KEY ("agency_id","listing_id") REFERENCES "public"."listing"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "listing_photo" ADD CONSTRAINT "listing_photo_agency_id_photo_id_photo_agency_id_id_fk" FOREIGN KEY ("agency_id","photo_id") REFERENCES "public"."photo"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "mark_outcome" ADD CONSTRAINT "mark_outcome_agency_id_cabinet_id_listing_id_mark_agency_id_cabinet_id_listing_id_fk" FOREIGN KEY ("agency_id","cabinet_id","listing_id") REFERENCES "public"."mark"("agency_id","cabinet_id","listing_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "marking_rule" ADD CONSTRAINT "marking_rule_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "message" ADD CONSTRAINT "message_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "norm" ADD CONSTRAINT "norm_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pause" ADD CONSTRAINT "pause_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "phone_line" ADD CONSTRAINT "phone_line_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "photo" ADD CONSTRAINT "photo_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "placement" ADD CONSTRAINT "placement_agency_id_cabinet_id_listing_id_mark_agency_id_cabinet_id_listing_id_fk" FOREIGN KEY ("agency_id","cabinet_id","listing_id") REFERENCES "public"."mark"("agency_id","cabinet_id","listing_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "unit" ADD CONSTRAINT "unit_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "verdict" ADD CONSTRAINT "verdict_agency_id_listing_id_listing_agency_id_id_fk" FOREIGN KEY ("agency_id","listing_id") REFERENCES "public"."listing"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "exception_agency_id_listing_id_index" ON "exception" USING btree ("agency_id","listing_id");--> statement-breakpoint
CREATE INDEX "export_run_agency_id_cabinet_id_id_index" ON "export_run" USING btree ("agency_id","cabinet_id","id");--> statement-breakpoint
CREATE INDEX "journal_agency_id_listing_id_at_index" ON "journal" USING btree ("agency_id","listing_id","at");--> statement-breakpoint
CREATE INDEX "listing_photo_agency_id_photo_id_index" ON "listing_photo" USING btree ("agency_id","photo_id");--> statement-breakpoint
CREATE INDEX "mark_outcome_agency_id_cabinet_id_outcome_index" ON "mark_outcome" USING btree ("agency_id","cabinet_id","outcome");--> statement-breakpoint
CREATE INDEX "message_agency_id_employee_id_at_index" ON "message" USING btree ("agency_id","employee_id","at");--> statement-breakpoint
CREATE INDEX "pause_agency_id_until_at_index" ON "pause" USING btree ("agency_id","until_at");--> statement-breakpoint
CREATE INDEX "photo_next_probe_at_index" ON "photo" USING btree ("next_probe_at");--> statement-breakpoint
CREATE INDEX "photo_agency_id_dhash_index" ON "photo" USING btree ("agency_id","dhash");--> statement-breakpoint
CREATE INDEX "placement_agency_id_cabinet_id_from_on_index" ON "placement" USING btree ("agency_id","cabinet_id","from_on");--> statement-breakpoint
CREATE INDEX "verdict_agency_id_listing_id_effective_at_index" ON "verdict" USING btree ("agency_id","listing_id","effective_at");--> statement-breakpoint
CREATE INDEX "cabinet_due_at_index" ON "cabinet" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "listing_agency_id_duplicate_key_index" ON "listing" USING btree ("agency_id","duplicate_key");--> statement-breakpoint
CREATE INDEX "listing_agency_id_likeness_key_index" ON "listing" USING btree ("agency_id","likeness_key");--> statement-breakpoint
CREATE INDEX "listing_agency_id_photos_key_index" ON "listing" USING btree ("agency_id","photos_key");--> statement-breakpoint
CREATE INDEX "mark_transition_agency_id_cabinet_id_at_index" ON "mark_transition" USING btree ("agency_id","cabinet_id","at");--> statement-breakpoint
-- What was decided stays decided; the empty keys make the next run look at everything anew.
INSERT INTO "mark_outcome" ("agency_id", "cabinet_id", "listing_id", "outcome", "input_key", "content_key", "since", "decided_at")
 SELECT agency_id, cabinet_id, listing_id, outcome, '', '', coalesce(decided_at, marked_at), coalesce(decided_at, marked_at) FROM "mark" WHERE outcome IS NOT NULL;--> statement-breakpoint
ALTER TABLE "mark" DROP COLUMN "outcome";--> statement-breakpoint
ALTER TABLE "mark" DROP COLUMN "notices";--> statement-breakpoint
ALTER TABLE "mark" DROP COLUMN "input_key";--> statement-breakpoint
ALTER TABLE "mark" DROP COLUMN "decided_at";--> statement-breakpoint
ALTER TABLE "outcome_stage" DROP COLUMN "notices";--> statement-breakpoint
ALTER TABLE "mark" ADD CONSTRAINT "mark_agency_id_cabinet_id_ordinal_unique" UNIQUE("agency_id","cabinet_id","ordinal");--> statement-breakpoint
UPDATE "cabinet" SET "due_at" = date_trunc('milliseconds', now());
