CREATE TABLE "agency" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "agency_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"time_zone" text DEFAULT 'Europe/Moscow' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "agency_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "branch" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "branch_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"time_zone" text,
	CONSTRAINT "branch_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "branch_agency_id_name_unique" UNIQUE("agency_id","name")
);
--> statement-breakpoint
CREATE TABLE "cabinet" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "cabinet_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"board" text NOT NULL,
	"slug" text NOT NULL,
	"name" text NOT NULL,
	"family" text NOT NULL,
	"branch_id" bigint,
	"token_serial" integer DEFAULT 1 NOT NULL,
	"previous_tokens" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"fence" bigint DEFAULT 0 NOT NULL,
	"edition_id" bigint,
	CONSTRAINT "cabinet_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "cabinet_agency_id_board_slug_unique" UNIQUE("agency_id","board","slug")
);
--> statement-breakpoint
CREATE TABLE "crm_group" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "crm_group_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	CONSTRAINT "crm_group_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "crm_group_agency_id_name_unique" UNIQUE("agency_id","name")
);
--> statement-breakpoint
CREATE TABLE "crm_group_member" (
	"agency_id" integer NOT NULL,
	"group_id" bigint NOT NULL,
	"employee_id" bigint NOT NULL,
	CONSTRAINT "crm_group_member_agency_id_group_id_employee_id_pk" PRIMARY KEY("agency_id","group_id","employee_id")
);
--> statement-breakpoint
CREATE TABLE "department" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "department_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"branch_id" bigint NOT NULL,
	"name" text NOT NULL,
	CONSTRAINT "department_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "department_agency_id_branch_id_name_unique" UNIQUE("agency_id","branch_id","name")
);
--> statement-breakpoint
CREATE TABLE "edition" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "edition_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"cabinet_id" bigint NOT NULL,
	"offers" integer NOT NULL,
	"bytes" bigint NOT NULL,
	"gzip_bytes" bigint NOT NULL,
	"sha256" text NOT NULL,
	"gzip_sha256" text NOT NULL,
	"generated_at" timestamp with time zone NOT NULL,
	"published_at" timestamp with time zone NOT NULL,
	CONSTRAINT "edition_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE TABLE "employee" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "employee_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"branch_id" bigint,
	"department_id" bigint,
	"name" text NOT NULL,
	"phones" text[] DEFAULT '{}' NOT NULL,
	"email" text,
	"is_active" boolean DEFAULT true NOT NULL,
	CONSTRAINT "employee_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE TABLE "feed_pull" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "feed_pull_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"cabinet_id" bigint NOT NULL,
	"edition_id" bigint,
	"at" timestamp with time zone NOT NULL,
	"method" text NOT NULL,
	"status" integer NOT NULL,
	"encoding" text NOT NULL,
	"bytes" bigint NOT NULL,
	"is_previous_token" boolean NOT NULL,
	"user_agent" text,
	"address" text,
	CONSTRAINT "feed_pull_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "import_row" (
	"agency_id" integer NOT NULL,
	"run_id" bigint NOT NULL,
	"external_id" text NOT NULL,
	"ordinal" integer NOT NULL,
	"values" jsonb,
	"hash" text,
	"employee_id" bigint,
	CONSTRAINT "import_row_agency_id_run_id_external_id_pk" PRIMARY KEY("agency_id","run_id","external_id")
);
--> statement-breakpoint
CREATE TABLE "import_run" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "import_run_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"source_id" bigint NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone,
	"status" text,
	"report" jsonb,
	CONSTRAINT "import_run_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE TABLE "listing" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "listing_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"source_id" bigint NOT NULL,
	"external_id" text NOT NULL,
	"branch_id" bigint,
	"employee_id" bigint,
	"source_values" jsonb NOT NULL,
	"source_hash" text NOT NULL,
	"corrections" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"values" jsonb NOT NULL,
	"values_hash" text NOT NULL,
	"gone_at" timestamp with time zone,
	"first_seen_at" timestamp with time zone NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "listing_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "listing_agency_id_source_id_external_id_unique" UNIQUE("agency_id","source_id","external_id")
);
--> statement-breakpoint
CREATE TABLE "mark" (
	"agency_id" integer NOT NULL,
	"cabinet_id" bigint NOT NULL,
	"listing_id" bigint NOT NULL,
	"is_live" boolean DEFAULT true NOT NULL,
	"marked_at" timestamp with time zone NOT NULL,
	"unmarked_at" timestamp with time zone,
	"unmarked_fence" bigint,
	"board_offer_id" text NOT NULL,
	"avito_id" bigint,
	"outcome" text,
	"notices" jsonb,
	"input_key" text,
	"decided_at" timestamp with time zone,
	CONSTRAINT "mark_agency_id_cabinet_id_listing_id_pk" PRIMARY KEY("agency_id","cabinet_id","listing_id"),
	CONSTRAINT "mark_agency_id_cabinet_id_board_offer_id_unique" UNIQUE("agency_id","cabinet_id","board_offer_id")
);
--> statement-breakpoint
CREATE TABLE "mark_transition" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "mark_transition_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"cabinet_id" bigint NOT NULL,
	"listing_id" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"outcome" text NOT NULL,
	"edition_id" bigint,
	CONSTRAINT "mark_transition_agency_id_id_pk" PRIMARY KEY("agency_id","id")
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "outcome_stage" (
	"agency_id" integer NOT NULL,
	"cabinet_id" bigint NOT NULL,
	"fence" bigint NOT NULL,
	"listing_id" bigint NOT NULL,
	"outcome" text NOT NULL,
	"notices" jsonb,
	"input_key" text NOT NULL,
	CONSTRAINT "outcome_stage_agency_id_cabinet_id_fence_listing_id_pk" PRIMARY KEY("agency_id","cabinet_id","fence","listing_id")
);
--> statement-breakpoint
CREATE TABLE "rejected_offer" (
	"agency_id" integer NOT NULL,
	"source_id" bigint NOT NULL,
	"external_id" text NOT NULL,
	"line" integer NOT NULL,
	"reasons" jsonb NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "rejected_offer_agency_id_source_id_external_id_line_pk" PRIMARY KEY("agency_id","source_id","external_id","line")
);
--> statement-breakpoint
CREATE TABLE "source" (
	"agency_id" integer NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "source_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"location" text,
	"branch_id" bigint,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "source_agency_id_id_pk" PRIMARY KEY("agency_id","id"),
	CONSTRAINT "source_agency_id_name_unique" UNIQUE("agency_id","name")
);
--> statement-breakpoint
ALTER TABLE "branch" ADD CONSTRAINT "branch_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cabinet" ADD CONSTRAINT "cabinet_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cabinet" ADD CONSTRAINT "cabinet_agency_id_branch_id_branch_agency_id_id_fk" FOREIGN KEY ("agency_id","branch_id") REFERENCES "public"."branch"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "crm_group" ADD CONSTRAINT "crm_group_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "crm_group_member" ADD CONSTRAINT "crm_group_member_agency_id_group_id_crm_group_agency_id_id_fk" FOREIGN KEY ("agency_id","group_id") REFERENCES "public"."crm_group"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "crm_group_member" ADD CONSTRAINT "crm_group_member_agency_id_employee_id_employee_agency_id_id_fk" FOREIGN KEY ("agency_id","employee_id") REFERENCES "public"."employee"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "department" ADD CONSTRAINT "department_agency_id_branch_id_branch_agency_id_id_fk" FOREIGN KEY ("agency_id","branch_id") REFERENCES "public"."branch"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "edition" ADD CONSTRAINT "edition_agency_id_cabinet_id_cabinet_agency_id_id_fk" FOREIGN KEY ("agency_id","cabinet_id") REFERENCES "public"."cabinet"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "employee" ADD CONSTRAINT "employee_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "employee" ADD CONSTRAINT "employee_agency_id_branch_id_branch_agency_id_id_fk" FOREIGN KEY ("agency_id","branch_id") REFERENCES "public"."branch"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "employee" ADD CONSTRAINT "employee_agency_id_department_id_department_agency_id_id_fk" FOREIGN KEY ("agency_id","department_id") REFERENCES "public"."department"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "import_run" ADD CONSTRAINT "import_run_agency_id_source_id_source_agency_id_id_fk" FOREIGN KEY ("agency_id","source_id") REFERENCES "public"."source"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "listing" ADD CONSTRAINT "listing_agency_id_source_id_source_agency_id_id_fk" FOREIGN KEY ("agency_id","source_id") REFERENCES "public"."source"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "listing" ADD CONSTRAINT "listing_agency_id_branch_id_branch_agency_id_id_fk" FOREIGN KEY ("agency_id","branch_id") REFERENCES "public"."branch"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "listing" ADD CONSTRAINT "listing_agency_id_employee_id_employee_agency_id_id_fk" FOREIGN KEY ("agency_id","employee_id") REFERENCES "public"."employee"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "mark" ADD CONSTRAINT "mark_agency_id_cabinet_id_cabinet_agency_id_id_fk" FOREIGN KEY ("agency_id","cabinet_id") REFERENCES "public"."cabinet"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "mark" ADD CONSTRAINT "mark_agency_id_listing_id_listing_agency_id_id_fk" FOREIGN KEY ("agency_id","listing_id") REFERENCES "public"."listing"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rejected_offer" ADD CONSTRAINT "rejected_offer_agency_id_source_id_source_agency_id_id_fk" FOREIGN KEY ("agency_id","source_id") REFERENCES "public"."source"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "source" ADD CONSTRAINT "source_agency_id_agency_id_fk" FOREIGN KEY ("agency_id") REFERENCES "public"."agency"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "source" ADD CONSTRAINT "source_agency_id_branch_id_branch_agency_id_id_fk" FOREIGN KEY ("agency_id","branch_id") REFERENCES "public"."branch"("agency_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "edition_agency_id_cabinet_id_id_index" ON "edition" USING btree ("agency_id","cabinet_id","id");--> statement-breakpoint
CREATE INDEX "feed_pull_agency_id_cabinet_id_at_index" ON "feed_pull" USING btree ("agency_id","cabinet_id","at");--> statement-breakpoint
CREATE INDEX "listing_agency_id_employee_id_index" ON "listing" USING btree ("agency_id","employee_id");--> statement-breakpoint
CREATE INDEX "mark_agency_id_listing_id_index" ON "mark" USING btree ("agency_id","listing_id");--> statement-breakpoint
CREATE INDEX "mark_transition_agency_id_cabinet_id_listing_id_at_index" ON "mark_transition" USING btree ("agency_id","cabinet_id","listing_id","at");