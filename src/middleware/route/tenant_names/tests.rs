use super::*;

#[test]
fn names_of_tenants_are_recognized() {
    let names = TenantNames::default();
    for name in [
        "org",
        "orgs",
        "Org",
        "org_id",
        "orgId",
        "ORG-ID",
        "org_ids",
        "orgCode",
        "org_codes",
        "organization",
        "organizationSlug",
        "organisation_name",
        "tenant",
        "tenants",
        "tenant_uuid",
        "tenantGuid",
        "tenant-ref",
        "tenantHandle",
        "orgNumber",
        "org_key",
        "tenants_id",
        "o_r_g",
    ] {
        assert_eq!(names.meaning(name), NameMeaning::Tenant, "{name}");
    }
    for name in [
        "account",
        "accountId",
        "workspaces",
        "customer_id",
        "company",
        "companies",
        "team",
        "clientId",
    ] {
        assert_eq!(names.meaning(name), NameMeaning::PossibleTenant, "{name}");
    }
    let long = "org".repeat(40);
    for name in [
        "organizer",
        "organic",
        "orgchart",
        "id",
        "partner",
        "",
        "_",
        "s",
        "tenancy",
        "org_id_code",
        "myorg",
        "teammate",
        "invoice",
        &long,
        "örg",
    ] {
        assert_eq!(names.meaning(name), NameMeaning::Other, "{name}");
    }
}

#[test]
fn first_letters_of_the_default_lists_are_known() {
    for name in TENANT_NAMES.iter().chain(&POSSIBLE_TENANT_NAMES) {
        assert!(!is_in_no_default_list(name), "{name}");
        assert!(!is_in_no_default_list(&name.to_uppercase()), "{name}");
    }
}

#[test]
fn lists_of_names_are_settable() {
    let names = TenantNames {
        tenant: Some(vec!["Mandant".to_owned(), "work_space".to_owned()]),
        possible: Some(Vec::new()),
    };
    for (name, meaning) in [
        ("mandant", NameMeaning::Tenant),
        ("mandantId", NameMeaning::Tenant),
        ("workspace_id", NameMeaning::Tenant),
        ("org", NameMeaning::Other),
        ("account", NameMeaning::Other),
    ] {
        assert_eq!(names.meaning(name), meaning, "{name}");
    }
}
