//! Resilient communication: calls, messages, and messages for later.

use abide_sdk::prelude::*;
use jiff::{SignedDuration, Timestamp};

use crate::email_service::EmailService;
use crate::payment_service::PaymentService;

/// Sells concert tickets.
pub struct ConcertTicketingService;

/// A ticket that somebody wants to buy.
#[data]
#[derive(Clone)]
#[serde(rename_all = "camelCase")]
pub struct PurchaseTicketRequest {
    pub ticket_id: String,
    pub price: u32,
    pub customer_email: String,
    #[schemars(with = "String")]
    pub concert_date: Timestamp,
}

#[service]
impl ConcertTicketingService {
    /// Charges the customer, sends the ticket, and has a reminder sent the day before the concert.
    async fn buy(ctx: &Context, req: PurchaseTicketRequest) -> HandlerResult<String> {
        // Request-response call - wait for payment to complete
        let pay_ref = ctx.service::<PaymentService>().charge(&req).await?;

        // One-way message - fire and forget ticket delivery
        ctx.service::<EmailService>().email_ticket(&req).send();

        // Delayed message - schedule reminder for day before concert
        let delay = until_day_before(req.concert_date);
        ctx.service::<EmailService>().send_reminder(&req).send_after(delay);

        Ok(format!("Ticket purchased successfully with payment reference: {pay_ref}"))
    }
}

/// Returns the time that is left until a day before the concert. Outside run blocks the clock shows
/// the time of the journal, so every attempt comes to the same delay.
fn until_day_before(concert_date: Timestamp) -> Duration {
    let reminder = concert_date.duration_since(Timestamp::now()) - SignedDuration::from_hours(24);
    let Ok(delay) = Duration::try_from(reminder) else {
        eprintln!("Reminder date is in the past, cannot schedule reminder.");
        return Duration::ZERO;
    };
    println!("Scheduling reminder for {concert_date} with delay {}ms", delay.as_millis());
    delay
}
