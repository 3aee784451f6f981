CREATE TABLE "api_token" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "api_token_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"employee_id" bigint NOT NULL,
	"token_hash" text NOT NULL,
	"name" text NOT NULL,
	"scopes" text[] NOT NULL,
	"by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"last_used_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "api_token_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "api_token_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
CREATE TABLE "idempotent_answer" (
	"agency_id" integer NOT NULL,
	"employee_id" bigint NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"status" integer,
	"answer" jsonb,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "idempotent_answer_agency_id_employee_id_key_pk" PRIMARY KEY("agency_id","employee_id","key")
);
--> statement-breakpoint
CREATE TABLE "invitation" (
	"token_hash" text PRIMARY KEY NOT NULL,
	"agency_id" integer,
	"employee_id" bigint,
	"by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "media" (
	"agency_id" integer NOT NULL,
	"sha256" text NOT NULL,
	"bytes" integer NOT NULL,
	"width" integer NOT NULL,
	"height" integer NOT NULL,
	"by" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "media_agency_id_sha256_pk" PRIMARY KEY("agency_id","sha256")
);
--> statement-breakpoint
CREATE TABLE "role_grant" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "role_grant_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"employee_id" bigint NOT NULL,
	"role" text NOT NULL,
	"scope" text NOT NULL,
	"branch_id" bigint,
	"department_id" bigint,
	CONSTRAINT "role_grant_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "role_grant_agency_id_employee_id_role_scope_branch_id_department_id_unique" UNIQUE NULLS NOT DISTINCT("agency_id","employee_id","role","scope","branch_id","department_id"),
	CONSTRAINT "scope_names_its_unit" CHECK (("role_grant"."scope" = 'branch') = ("role_grant"."branch_id" is not null) and ("role_grant"."scope" = 'department') = ("role_grant"."department_id" is not null))
);
--> statement-breakpoint
CREATE TABLE "saved_view" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "saved_view_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"employee_id" bigint NOT NULL,
	"screen" text NOT NULL,
	"name" text NOT NULL,
	"query" text NOT NULL,
	"is_shared" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "saved_view_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "saved_view_agency_id_employee_id_screen_name_unique" UNIQUE("agency_id","employee_id","screen","name")
);
--> statement-breakpoint
CREATE TABLE "session" (
	"token_hash" text PRIMARY KEY NOT NULL,
	"id" text NOT NULL,
	"sign_in_id" bigint NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"seen_at" timestamp with time zone NOT NULL,
	"proved_at" timestamp with time zone NOT NULL,
	"user_agent" text,
	"address" text,
	CONSTRAINT "session_id_unique" UNIQUE("id")
);
--> statement-breakpoint
CREATE TABLE "sign_in" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sign_in_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"login" text NOT NULL,
	"password_hash" text,
	"password_changed_at" timestamp with time zone,
	"agency_id" integer NOT NULL,
	"employee_id" bigint NOT NULL,
	"totp_secret" text,
	"totp_step" bigint,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "sign_in_login_unique" UNIQUE("login"),
	CONSTRAINT "sign_in_agency_id_employee_id_unique" UNIQUE("agency_id","employee_id")
);
--> statement-breakpoint
CREATE TABLE "sign_in_failure" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sign_in_failure_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"login" text NOT NULL,
	"address" text NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "search" "tsvector" GENERATED ALWAYS AS (to_tsvector('simple', translate(lower(
      external_id || ' ' || coalesce(values->>'address', '') || ' ' || coalesce(values->>'locality', '') || ' ' || coalesce(values->>'title', '')
        || ' ' || coalesce(values->>'cadastralNumber', '')), 'ё', 'е'))) STORED;--> statement-breakpoint
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_agency_id_employee_id_employee_agency_id_id_fk" FOREIGN KEY ("agency_id","employee_id") REFERENCES "public"."employee"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "role_grant" ADD CONSTRAINT "role_grant_agency_id_employee_id_employee_agency_id_id_fk" FOREIGN KEY ("agency_id","employee_id") REFERENCES "public"."employee"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "role_grant" ADD CONSTRAINT "role_grant_agency_id_branch_id_branch_agency_id_id_fk" FOREIGN KEY ("agency_id","branch_id") REFERENCES "public"."branch"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "role_grant" ADD CONSTRAINT "role_grant_agency_id_department_id_department_agency_id_id_fk" FOREIGN KEY ("agency_id","department_id") REFERENCES "public"."department"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "saved_view" ADD CONSTRAINT "saved_view_agency_id_employee_id_employee_agency_id_id_fk" FOREIGN KEY ("agency_id","employee_id") REFERENCES "public"."employee"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session" ADD CONSTRAINT "session_sign_in_id_sign_in_id_fk" FOREIGN KEY ("sign_in_id") REFERENCES "public"."sign_in"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sign_in" ADD CONSTRAINT "sign_in_agency_id_employee_id_employee_agency_id_id_fk" FOREIGN KEY ("agency_id","employee_id") REFERENCES "public"."employee"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "session_sign_in_id_index" ON "session" USING btree ("sign_in_id");--> statement-breakpoint
CREATE INDEX "sign_in_failure_login_at_index" ON "sign_in_failure" USING btree ("login","at");--> statement-breakpoint
CREATE INDEX "sign_in_failure_address_at_index" ON "sign_in_failure" USING btree ("address","at");--> statement-breakpoint
CREATE INDEX "listing_by_change" ON "listing" USING btree ("agency_id","changed_at","id") WHERE archived_at is null;--> statement-breakpoint
CREATE INDEX "listing_by_price" ON "listing" USING btree ("agency_id",coalesce(price_kopecks, 0),"id") WHERE archived_at is null;--> statement-breakpoint
CREATE INDEX "listing_by_employee" ON "listing" USING btree ("agency_id","employee_id","changed_at","id") WHERE archived_at is null;--> statement-breakpoint
CREATE INDEX "listing_by_branch" ON "listing" USING btree ("agency_id","branch_id","changed_at","id") WHERE archived_at is null;--> statement-breakpoint
CREATE INDEX "listing_search" ON "listing" USING gin ("search");--> statement-breakpoint
-- Screens that are open are told that something has changed, and ask again; what it was is not told here.
CREATE FUNCTION "tell_screens"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('vygruzka_screens', json_build_object('agencyId', changed.agency_id, 'kind', TG_ARGV[0])::text)
		FROM (SELECT DISTINCT agency_id FROM fresh) changed;
	RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "journal_is_told" AFTER INSERT ON "journal" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION "tell_screens"('listings');--> statement-breakpoint
CREATE TRIGGER "message_is_told" AFTER INSERT ON "message" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION "tell_screens"('tasks');--> statement-breakpoint
CREATE TRIGGER "message_end_is_told" AFTER UPDATE ON "message" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION "tell_screens"('tasks');--> statement-breakpoint
CREATE TRIGGER "verdict_is_told" AFTER INSERT ON "verdict" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION "tell_screens"('moderation');--> statement-breakpoint
CREATE TRIGGER "edition_is_told" AFTER INSERT ON "edition" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION "tell_screens"('feeds');--> statement-breakpoint
CREATE TRIGGER "run_is_told" AFTER UPDATE ON "export_run" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION "tell_screens"('feeds');--> statement-breakpoint
CREATE TRIGGER "import_is_told" AFTER UPDATE ON "import_run" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION "tell_screens"('imports');--> statement-breakpoint
CREATE TRIGGER "transfer_is_told" AFTER INSERT ON "transfer" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION "tell_screens"('money');
--> statement-breakpoint
CREATE TABLE "notice_day" (
	"agency_id" integer NOT NULL,
	"cabinet_id" bigint NOT NULL,
	"day" date NOT NULL,
	"unit_id" integer NOT NULL,
	"outcome" text NOT NULL,
	"code" text NOT NULL,
	"marks" integer NOT NULL,
	CONSTRAINT "notice_day_agency_id_cabinet_id_day_unit_id_outcome_code_pk" PRIMARY KEY("agency_id","cabinet_id","day","unit_id","outcome","code")
);
--> statement-breakpoint
ALTER TABLE "notice_day" ADD CONSTRAINT "notice_day_agency_id_cabinet_id_cabinet_agency_id_id_fk" FOREIGN KEY ("agency_id","cabinet_id") REFERENCES "public"."cabinet"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE TABLE "upload" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "upload_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"source" text NOT NULL,
	"branch_id" bigint,
	"file_name" text NOT NULL,
	"bytes" bigint NOT NULL,
	"is_rehearsal" boolean NOT NULL,
	"state" text NOT NULL,
	"read" integer DEFAULT 0 NOT NULL,
	"report" jsonb,
	"problem" jsonb,
	"by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"seen_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "upload_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
ALTER TABLE "upload" ADD CONSTRAINT "upload_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upload" ADD CONSTRAINT "upload_agency_id_branch_id_branch_agency_id_id_fk" FOREIGN KEY ("agency_id","branch_id") REFERENCES "public"."branch"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE TRIGGER "upload_is_told" AFTER UPDATE ON "upload" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION "tell_screens"('imports');--> statement-breakpoint
ALTER TABLE "cabinet" ADD COLUMN "is_touched" boolean DEFAULT true NOT NULL;--> statement-breakpoint
CREATE TABLE "bulk_deed" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "bulk_deed_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"employee_id" bigint NOT NULL,
	"by" text NOT NULL,
	"action" text NOT NULL,
	"total" integer NOT NULL,
	"done" integer DEFAULT 0 NOT NULL,
	"changed" integer DEFAULT 0 NOT NULL,
	"left_out" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"moved_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone,
	"error" text,
	"undone_at" timestamp with time zone,
	CONSTRAINT "bulk_deed_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE TABLE "bulk_change" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "bulk_change_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"deed_id" bigint NOT NULL,
	"cabinet_id" bigint,
	"listing_id" bigint NOT NULL,
	"before" jsonb NOT NULL,
	CONSTRAINT "bulk_change_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
ALTER TABLE "bulk_deed" ADD CONSTRAINT "bulk_deed_agency_id_employee_id_employee_agency_id_id_fk" FOREIGN KEY ("agency_id","employee_id") REFERENCES "public"."employee"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bulk_change" ADD CONSTRAINT "bulk_change_agency_id_deed_id_bulk_deed_agency_id_id_fk" FOREIGN KEY ("agency_id","deed_id") REFERENCES "public"."bulk_deed"("agency_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "bulk_deed_started_at_index" ON "bulk_deed" USING btree ("started_at");--> statement-breakpoint
CREATE INDEX "bulk_change_agency_id_deed_id_id_index" ON "bulk_change" USING btree ("agency_id","deed_id","id");--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "handed_from" bigint;--> statement-breakpoint
CREATE TABLE "postponement" (
	"agency_id" integer NOT NULL,
	"listing_id" bigint NOT NULL,
	"values_hash" text NOT NULL,
	"until" timestamp with time zone NOT NULL,
	"by" text NOT NULL,
	"employee_id" bigint,
	"at" timestamp with time zone NOT NULL,
	"question" text,
	"answer" text,
	"answered_by" text,
	"answered_at" timestamp with time zone,
	CONSTRAINT "postponement_agency_id_listing_id_pk" PRIMARY KEY("agency_id","listing_id")
);
--> statement-breakpoint
CREATE TABLE "moderation_look" (
	"agency_id" integer NOT NULL,
	"listing_id" bigint NOT NULL,
	"employee_id" bigint NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"seen_at" timestamp with time zone NOT NULL,
	CONSTRAINT "moderation_look_agency_id_listing_id_employee_id_pk" PRIMARY KEY("agency_id","listing_id","employee_id")
);
--> statement-breakpoint
ALTER TABLE "postponement" ADD CONSTRAINT "postponement_agency_id_listing_id_listing_agency_id_id_fk" FOREIGN KEY ("agency_id","listing_id") REFERENCES "public"."listing"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "moderation_look" ADD CONSTRAINT "moderation_look_agency_id_listing_id_listing_agency_id_id_fk" FOREIGN KEY ("agency_id","listing_id") REFERENCES "public"."listing"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "moderation_look" ADD CONSTRAINT "moderation_look_agency_id_employee_id_employee_agency_id_id_fk" FOREIGN KEY ("agency_id","employee_id") REFERENCES "public"."employee"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "mark_outcome_moderated" ON "mark_outcome" USING btree ("agency_id","listing_id") WHERE judgement->>'approval' in ('awaiting', 'kept') and judgement->'returned' is null;
--> statement-breakpoint
CREATE INDEX "photo_by_key" ON "photo" USING btree ("agency_id",md5(url));
--> statement-breakpoint
CREATE INDEX "journal_agency_id_at_id_index" ON "journal" USING btree ("agency_id","at","id");--> statement-breakpoint
CREATE INDEX "message_open_by_listing" ON "message" USING btree ("agency_id","listing_id") WHERE done_at is null;
