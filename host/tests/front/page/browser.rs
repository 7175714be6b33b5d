//! Somebody with a browser, before the page of a host.

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use segno_host::ServeOptions;

use crate::support::Host;

/// Somebody with a browser.
pub(super) struct Browser {
    pub(super) host: Host,
    pub(super) client: Client,
    /// The login, as the browser sends it.
    login: Option<String>,
}

impl Browser {
    /// Before anybody has logged in.
    pub(super) async fn new(configure: impl FnOnce(&mut ServeOptions)) -> Self {
        let host = Host::with(guest_basics::steps(), configure).await;
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { host, client, login: None }
    }

    /// Somebody who has followed the link that a host prints.
    pub(super) async fn opened() -> Self {
        let mut browser = Self::new(|_options| {}).await;
        let response = browser.follow_link().await;
        browser.keep_login(&response);
        browser
    }

    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.host.server.management_addr())
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.origin()));
        match &self.login {
            Some(login) => request.header(COOKIE, format!("other=1; {login}")),
            None => request,
        }
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// The text of a view.
    pub(super) async fn see(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.unwrap()
    }

    pub(super) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let request = self.request(Method::POST, path).header(ORIGIN, self.origin());
        filled(request, form).send().await.unwrap()
    }

    /// Follows the link that a host prints, and presses the button there.
    pub(super) async fn follow_link(&self) -> Response {
        let link = self.host.server.page_link().unwrap();
        self.use_link(&link).await
    }

    /// The same with a link that is known.
    pub(super) async fn use_link(&self, link: &str) -> Response {
        let form = self.client.get(link).send().await.unwrap().text().await.unwrap();
        let code = link.split("code=").nth(1).unwrap();
        assert!(form.contains(&format!("name=\"code\" value=\"{code}\"")), "{form}");
        self.post("/login", &[("code", code), ("next", "/")]).await
    }

    pub(super) fn keep_login(&mut self, response: &Response) {
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        for rule in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
            assert!(cookie.contains(rule), "{cookie}");
        }
        self.login = cookie.split(';').next().map(str::to_owned);
    }

    pub(super) fn token(&self) -> String {
        let file = self.host.server.token_file().unwrap();
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }
}

/// A form as a browser sends it.
pub(super) fn filled(request: RequestBuilder, form: &[(&str, &str)]) -> RequestBuilder {
    let url = reqwest::Url::parse_with_params("http://form", form).unwrap();
    let body = url.query().unwrap_or_default().to_owned();
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
}

/// Where an answer leads.
pub(super) fn leads_to(response: &Response) -> &str {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()[LOCATION].to_str().unwrap()
}
